#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "app/process/child_runs.hpp"
#include "core/text/fingerprint_text.hpp"

namespace fp::ctl {

/// What Chromaprint's `fpcalc` makes of an audio file.
struct audio_fingerprint {
  std::vector<hash_value> hashes;
  double duration_s = 0;  ///< of the file, as its header tells; 0: unknown
};

/// More than the fingerprint of ten days of music.
inline constexpr size_t max_fpcalc_output = size_t{64} << 20;

/// Fingerprints the first `length_s` seconds (0: all) of an audio file.
child_command fpcalc_command(const std::string& audio_file, uint32_t length_s);
/// The same of what is left of it in the telephone's band, as `band_filter` leaves it: by ffmpeg and fpcalc.
child_command phone_fpcalc_command(const std::string& audio_file, uint32_t length_s);
/// Reads what it printed. Throws `io_error` when it failed, with what it says about that, and `request_timeout`
/// when it took longer than `patience`.
audio_fingerprint read_fpcalc(const child_runs::result& done, const std::string& audio_file,
                              std::chrono::milliseconds patience);

/// Both, and waits meanwhile. Throws `io_error` when fpcalc is not in PATH, besides.
text_fingerprint run_fpcalc(const std::string& audio_file, uint32_t length_s, std::chrono::milliseconds patience);

}  // namespace fp::ctl
