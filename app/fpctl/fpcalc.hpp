#pragma once

#include <string>

#include "core/text/fingerprint_text.hpp"

namespace fp::ctl {

/// Fingerprints the first `length_s` seconds (0: all) of an audio file by Chromaprint's `fpcalc`, which must be in
/// PATH. Throws `io_error` when it is missing, or fails, with what it says about that.
text_fingerprint run_fpcalc(const std::string& audio_file, uint32_t length_s);

}  // namespace fp::ctl
