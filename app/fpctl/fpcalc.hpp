#pragma once

#include <chrono>
#include <string>

#include "core/text/fingerprint_text.hpp"

namespace fp::ctl {

/// Fingerprints the first `length_s` seconds (0: all) of an audio file by Chromaprint's `fpcalc`, which must be in
/// PATH. Throws `io_error` when it is missing, or fails, with what it says about that, and `request_timeout` when
/// it takes longer than `patience`; it and all that it has started are then killed, as they are when a signal
/// (SIGINT, SIGTERM, SIGHUP) ends this program meanwhile.
text_fingerprint run_fpcalc(const std::string& audio_file, uint32_t length_s, std::chrono::milliseconds patience);

}  // namespace fp::ctl
