#include "app/fpctl/recording_reader.hpp"

#include <utility>

#include "core/base/error.hpp"
#include "core/base/printable.hpp"

namespace fp::ctl {

namespace {

enum run_kind : uint64_t { run_of_fpcalc, run_of_ffprobe, num_run_kinds };

}  // namespace

void recording_reader::start(const audio_file& file) {
  const auto number = next_job_++;
  const auto command = options_.form == hash_form::phone ? phone_fpcalc_command(file.path, options_.length_s)
                                                         : fpcalc_command(file.path, options_.length_s);
  runs_.start(number * num_run_kinds + run_of_fpcalc, command, options_.patience);
  auto& j = jobs_[number];
  j.result.file = file;
  j.running = 1;
  if (!options_.tags) return;
  runs_.start(number * num_run_kinds + run_of_ffprobe, ffprobe_command(file.path), options_.patience);
  j.running++;
}

recording_reader::outcome recording_reader::next() {
  for (;;) {
    const auto done = runs_.next();
    const auto at = jobs_.find(done.key / num_run_kinds);
    auto& j = at->second;
    if (done.key % num_run_kinds == run_of_ffprobe) {
      if (done.how == child_runs::outcome::exited) j.result.tags = read_ffprobe(done.output);
    } else {
      try {
        j.result.heard = read_fpcalc(done, j.result.file.path, options_.patience);
      } catch (const error& e) {
        j.result.failure = e.what();
      }
    }
    if (--j.running > 0) continue;
    auto result = std::move(j.result);
    jobs_.erase(at);
    if (result.failure.empty() && result.heard.hashes.empty()) {
      result.failure = quoted(result.file.path, 400) + ": is too short for a fingerprint";
    }
    return result;
  }
}

}  // namespace fp::ctl
