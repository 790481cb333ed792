#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "app/fpctl/audio_tags.hpp"
#include "app/fpctl/fpcalc.hpp"
#include "app/library/audio_walk.hpp"
#include "app/process/child_runs.hpp"
#include "core/identify/hash_form.hpp"

namespace fp::ctl {

struct recording_reader_options {
  uint32_t length_s = 0;              ///< of the beginning; 0: all
  size_t jobs = 1;                    ///< files at a time, at most `recording_reader::max_jobs`
  bool tags = true;                   ///< also asks ffprobe
  hash_form form = hash_form::plain;  ///< plain or phone
  std::chrono::milliseconds patience{};
};

/// Reads audio files for a library, several at a time, each by an `fpcalc` and an `ffprobe` of its own.
class recording_reader {
 public:
  /// Each takes two processes.
  static constexpr size_t max_jobs = child_process::max_children / 2;

  struct outcome {
    audio_file file;
    audio_fingerprint heard;  ///< at least one hash, unless it failed
    audio_tags tags;
    std::string failure;  ///< empty: none
  };

  explicit recording_reader(recording_reader_options options) : options_(options), runs_(max_fpcalc_output) {}

  bool is_full() const noexcept { return jobs_.size() >= options_.jobs; }
  bool empty() const noexcept { return jobs_.empty(); }
  /// To be called when not full. Throws `io_error` when fpcalc cannot be started.
  void start(const audio_file& file);
  /// Waits for the next file that is read. To be called when not empty.
  outcome next();

 private:
  struct job {
    outcome result;
    size_t running = 0;
  };

  recording_reader_options options_;
  std::map<uint64_t, job> jobs_;
  uint64_t next_job_ = 0;
  child_runs runs_;
};

}  // namespace fp::ctl
