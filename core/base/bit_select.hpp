#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

/// Of a function for machines where `uses_bit_instructions`: what is inlined into it may use such instructions,
/// shifts that leave the flags alone, and vectors of 32 bytes.
#if defined(__x86_64__)
#define FP_WITH_BIT_INSTRUCTIONS [[gnu::target("popcnt,bmi,bmi2,avx2")]]
#else
#define FP_WITH_BIT_INSTRUCTIONS
#endif

namespace fp {

namespace bit_select_detail {

inline constexpr uint64_t every_byte = 0x0101010101010101, high_bits = 0x8080808080808080;

/// In each byte: the ones up to its end.
constexpr uint64_t sums_of_ones(uint64_t x) noexcept {
  x -= (x >> 1) & 0x5555555555555555;
  x = (x & 0x3333333333333333) + ((x >> 2) & 0x3333333333333333);
  return ((x + (x >> 4)) & 0x0f0f0f0f0f0f0f0f) * every_byte;
}

/// By rank * 256 + byte: the place of the one with so many before it.
inline constexpr auto place_in_byte = [] {
  std::array<uint8_t, 8 * 256> places{};
  for (size_t byte = 0; byte < 256; byte++) {
    size_t rank = 0;
    for (uint8_t place = 0; place < 8; place++) {
      if ((byte >> place & 1) != 0) places[rank++ * 256 + byte] = place;
    }
  }
  return places;
}();

#if defined(__x86_64__)
inline uint64_t popcnt(uint64_t x) noexcept {
  asm("popcnt %0, %0" : "+r"(x) : : "cc");
  return x;
}
/// The bits of `x` in the places of the ones of `mask`.
inline uint64_t pdep(uint64_t x, uint64_t mask) noexcept {
  asm("pdep %1, %0, %0" : "+r"(x) : "r"(mask));
  return x;
}
/// And back: those bits of `x`, one beside the other.
inline uint64_t pext(uint64_t x, uint64_t mask) noexcept {
  asm("pext %1, %0, %0" : "+r"(x) : "r"(mask));
  return x;
}
inline bool has_instructions() noexcept {
  __builtin_cpu_init();
  // On AMD's family 17h pdep is a program of the processor's that takes a hundred times as long.
  return __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("avx2") &&
         !__builtin_cpu_is("amdfam17h");
}
#else
inline uint64_t popcnt(uint64_t x) noexcept { return static_cast<uint64_t>(std::popcount(x)); }
inline uint64_t pdep(uint64_t, uint64_t) noexcept { return 0; }
inline uint64_t pext(uint64_t, uint64_t) noexcept { return 0; }
inline bool has_instructions() noexcept { return false; }
#endif

}  // namespace bit_select_detail

/// Whether bits are counted and placed by instructions that not every machine of this kind has, nor the vectors
/// that came with them; a program is built for all. Tests turn it off.
inline bool uses_bit_instructions = bit_select_detail::has_instructions();

/// The lowest bits of `x` in the places of the ones of `mask`, and what is in those places side by side: only where
/// `uses_bit_instructions`.
inline uint64_t deposit_bits(uint64_t x, uint64_t mask) noexcept { return bit_select_detail::pdep(x, mask); }
inline uint64_t extract_bits(uint64_t x, uint64_t mask) noexcept { return bit_select_detail::pext(x, mask); }

/// How many bits are set. Not std::popcount, which is a call where a program is built for any machine.
inline uint32_t count_ones(uint64_t x) noexcept {
  using namespace bit_select_detail;
  return static_cast<uint32_t>(uses_bit_instructions ? popcnt(x) : sums_of_ones(x) >> 56);
}

/// The ones of a word, by their ranks: how many others come before. Without instructions after S. Vigna, "Broadword
/// implementation of rank/select queries" (2008).
class bit_ranks {
 public:
  explicit bit_ranks(uint64_t word) noexcept
      : word_(word), sums_(uses_bit_instructions ? 0 : bit_select_detail::sums_of_ones(word)) {}

  uint32_t count() const noexcept {
    return static_cast<uint32_t>(uses_bit_instructions ? bit_select_detail::popcnt(word_) : sums_ >> 56);
  }
  /// The place of the one of this rank, less than `count`.
  uint32_t place_of(uint32_t rank) const noexcept {
    using namespace bit_select_detail;
    if (uses_bit_instructions) return static_cast<uint32_t>(std::countr_zero(pdep(uint64_t{1} << rank, word_)));
    const uint64_t passed = (((rank * every_byte) | high_bits) - sums_) & high_bits;
    const auto shift = static_cast<uint32_t>(((passed >> 7) * every_byte >> 56) * 8);
    const uint64_t before = (sums_ << 8) >> shift & 0xff;
    return shift + place_in_byte[(rank - before) * 256 + (word_ >> shift & 0xff)];
  }

 private:
  uint64_t word_, sums_;
};

}  // namespace fp
