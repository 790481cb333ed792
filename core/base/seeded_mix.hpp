#pragma once

#include <cstdint>

namespace fp {

/// Spreads 32-bit keys over hash tables so that who chooses keys cannot make them meet: that takes the multiplier,
/// which nobody is told. One multiplication alone would do against chosen keys, but one multiplier in a hundred
/// would pile up keys with equal distances, as ids often have; folding and multiplying again breaks these up.
class seeded_mix {
 public:
  /// With a multiplier of the operating system's random numbers.
  seeded_mix();
  explicit seeded_mix(uint64_t seed) noexcept : multiplier_(seed | 1) {}

  /// 64 bits, the upper ones of which are to be used.
  uint64_t operator()(uint32_t key) const noexcept {
    const uint64_t once = key * multiplier_;
    return (once ^ once >> 32) * 0x9e3779b97f4a7c15;
  }

 private:
  uint64_t multiplier_;  ///< odd
};

}  // namespace fp
