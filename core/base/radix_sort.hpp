#pragma once

#include <cstdint>
#include <vector>

namespace fp {

/// Sorts keys by their bits [low_bit, low_bit + num_bits) alone, stably: least significant digit first, so time is
/// linear. `scratch` is memory to work in, kept by the caller between calls.
void radix_sort(std::vector<uint64_t>& keys, std::vector<uint64_t>& scratch, unsigned low_bit, unsigned num_bits);

}  // namespace fp
