#include "core/base/radix_sort.hpp"

#include <algorithm>
#include <cstddef>

namespace fp {

namespace {

// Of few keys, counters are most of the work.
constexpr unsigned digit_bits_of_few = 8;
constexpr size_t few = 2048, small_input = 64;

}  // namespace

void radix_sort(std::vector<uint64_t>& keys, std::vector<uint64_t>& scratch, unsigned low_bit, unsigned num_bits) {
  if (num_bits == 0 || keys.size() < 2) return;
  const auto digits_of = [&](uint64_t key, unsigned shift, unsigned bits) {
    return static_cast<size_t>(key >> shift & ((uint64_t{1} << bits) - 1));
  };
  if (keys.size() <= small_input) {
    const uint64_t mask = num_bits >= 64 ? ~uint64_t{0} : (uint64_t{1} << num_bits) - 1;
    std::stable_sort(keys.begin(), keys.end(),
                     [&](uint64_t a, uint64_t b) { return (a >> low_bit & mask) < (b >> low_bit & mask); });
    return;
  }
  const unsigned most_bits = keys.size() < few ? digit_bits_of_few : max_digit_bits;
  const unsigned passes = (num_bits + most_bits - 1) / most_bits;
  const unsigned digit_bits = (num_bits + passes - 1) / passes;
  std::vector<size_t> counts(size_t{passes} << digit_bits);
  for (const uint64_t key : keys) {
    for (unsigned pass = 0; pass < passes; pass++)
      counts[(size_t{pass} << digit_bits) + digits_of(key, low_bit + pass * digit_bits, digit_bits)]++;
  }
  scratch.resize(keys.size());
  for (unsigned pass = 0; pass < passes; pass++) {
    size_t* const position = &counts[size_t{pass} << digit_bits];
    const unsigned shift = low_bit + pass * digit_bits;
    // A digit that is the same everywhere orders nothing.
    if (position[digits_of(keys[0], shift, digit_bits)] == keys.size()) continue;
    size_t start = 0;
    for (size_t digit = 0; digit < size_t{1} << digit_bits; digit++) {
      const size_t count = position[digit];
      position[digit] = start;
      start += count;
    }
    uint64_t* const out = scratch.data();
    for (const uint64_t key : keys) put_in_stream(key, out + position[digits_of(key, shift, digit_bits)]++);
    keys.swap(scratch);
  }
}

}  // namespace fp
