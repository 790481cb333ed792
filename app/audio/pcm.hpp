#pragma once

#include <cstdint>
#include <vector>

#include "core/identify/hop.hpp"

namespace fp {

/// One channel, 16 bits, `pcm_rate` samples a second: the sound that Chromaprint works on.
using pcm = std::vector<int16_t>;

}  // namespace fp
