#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace fp {

/// A digit of more would be more streams than the caches still follow.
inline constexpr unsigned max_digit_bits = 11;

/// Puts a key where a stream of its digit ends. There are so many of them that the processor does not foresee the
/// places: what outgrows its caches would wait for every line.
[[gnu::always_inline]] inline void put_in_stream(uint64_t key, uint64_t* place) noexcept {
  constexpr size_t keys_of_line = 64 / sizeof key;
  *place = key;
  __builtin_prefetch(place + keys_of_line, 1);
}

/// Sorts keys by their bits [low_bit, low_bit + num_bits) alone, stably: least significant digit first, so time is
/// linear. `scratch` is memory to work in, kept by the caller between calls.
void radix_sort(std::vector<uint64_t>& keys, std::vector<uint64_t>& scratch, unsigned low_bit, unsigned num_bits);

}  // namespace fp
