#include "app/fpctl/fpcalc.hpp"

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string_view>
#include <utility>

#include "app/audio/sound_reader.hpp"
#include "core/base/error.hpp"
#include "core/base/printable.hpp"

namespace fp::ctl {

namespace {

[[noreturn]] void fail(const std::string& message) { throw error(errc::io_error, message); }

std::optional<text_fingerprint> first_fingerprint(std::string_view output) {
  fingerprint_reader reader;
  while (!output.empty()) {
    const auto line = output.substr(0, output.find('\n'));
    output.remove_prefix(std::min(line.size() + 1, output.size()));
    if (auto found = reader.feed(line)) return found;
  }
  return std::nullopt;
}

/// The number behind a name in fpcalc's output, which comes before the fingerprint; 0 when there is none.
double number_behind(std::string_view name, std::string_view output) {
  constexpr size_t longest_beginning = 1024;
  const auto beginning = output.substr(0, longest_beginning);
  const auto at = beginning.find(name);
  if (at == std::string_view::npos) return 0;
  return std::strtod(std::string(beginning.substr(at + name.size())).c_str(), nullptr);
}

}  // namespace

child_command fpcalc_command(const std::string& audio_file, uint32_t length_s) {
  return {"fpcalc",
          {"-raw", "-json", "-length", std::to_string(length_s), file_argument(audio_file)},
          "libchromaprint-tools"};
}

child_command phone_fpcalc_command(const std::string& audio_file, uint32_t length_s) {
  // The band's edges and sections are those of `band_filter`; nothing else is another than fpcalc's own.
  const auto script = "ffmpeg -nostdin -v error -protocol_whitelist file -i \"$1\" -map 0:a:0 -af " +
                      std::string(resampling) +
                      ",highpass=f=300,highpass=f=300,lowpass=f=3400 -f s16le pipe:1 |"
                      "fpcalc -raw -json -length \"$2\" -format s16le -rate 11025 -channels 1 -";
  return {
      "sh", {"-c", script, "sh", "file:" + audio_file, std::to_string(length_s)}, "ffmpeg libchromaprint-tools"};
}

audio_fingerprint read_fpcalc(const child_runs::result& done, const std::string& audio_file,
                              std::chrono::milliseconds patience) {
  const auto shown = quoted(audio_file, 200);
  switch (done.how) {
    case child_runs::outcome::late:
      throw error(errc::request_timeout, "fpcalc took longer than " + std::to_string(patience.count()) +
                                             " ms over " + shown + " and was ended");
    case child_runs::outcome::killed:
      fail("fpcalc was killed over " + shown);
    case child_runs::outcome::too_much:
      fail("fpcalc wrote too much over " + shown);
    case child_runs::outcome::exited:
      break;
  }
  // fpcalc 1.5 ends with 3 after a decoding error, and takes the end of a file for one; what it decoded until then
  // is fingerprinted.
  constexpr int decoding_ended = 3;
  if (done.status == 0 || done.status == decoding_ended) {
    if (auto found = first_fingerprint(done.output)) {
      return {std::move(found->hashes), number_behind("\"duration\":", done.output)};
    }
  }
  fail("fpcalc made no fingerprint of " + shown + " (exit status " + std::to_string(done.status) + ")" +
       (done.messages.empty() ? "" : ": " + printable(done.messages, 300)));
}

text_fingerprint run_fpcalc(const std::string& audio_file, uint32_t length_s, std::chrono::milliseconds patience) {
  child_runs runs(max_fpcalc_output);
  runs.start(0, fpcalc_command(audio_file, length_s), patience);
  text_fingerprint heard;
  heard.hashes = read_fpcalc(runs.next(), audio_file, patience).hashes;
  heard.label = audio_file;
  return heard;
}

}  // namespace fp::ctl
