#pragma once

#include <cstdint>

namespace fp {

/// The next number of SplitMix64. See Steele, Lea, Flood: "Fast splittable pseudorandom number generators" (2014).
constexpr uint64_t next_split_mix(uint64_t& state) noexcept {
  uint64_t z = state += 0x9e3779b97f4a7c15;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
  z = (z ^ z >> 27) * 0x94d049bb133111eb;
  return z ^ z >> 31;
}

}  // namespace fp
