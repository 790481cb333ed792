#include "core/base/seeded_mix.hpp"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace fp {
namespace {

/// Steps that it takes on average to put keys into a table with linear probing that they fill to half.
double probes(const seeded_mix& mix, const std::vector<uint32_t>& keys) {
  unsigned bits = 1;
  while ((size_t{1} << bits) < keys.size() * 2) bits++;
  const size_t mask = (size_t{1} << bits) - 1;
  std::vector<bool> taken(mask + 1);
  uint64_t steps = 0;
  for (const uint32_t key : keys) {
    size_t at = mix(key) >> (64 - bits);
    for (; taken[at]; at = (at + 1) & mask) steps++;
    taken[at] = true;
  }
  return static_cast<double>(steps) / static_cast<double>(keys.size());
}

TEST(SeededMix, KeysWithAnyDistanceSpreadWhateverTheSeed) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 200; round++) {
    const seeded_mix mix(random());
    const auto start = static_cast<uint32_t>(random());
    // Also what meets in one place when keys are multiplied by the golden ratio alone.
    const uint32_t distances[] = {
        1, 2, 3, 16, 1000, 1u << 16, 1u << 20, 0x144cbc89, static_cast<uint32_t>(random())};
    for (const uint32_t distance : distances) {
      std::vector<uint32_t> keys(4096);
      for (uint32_t i = 0; i < keys.size(); i++) keys[i] = start + i * distance;
      EXPECT_LT(probes(mix, keys), 3) << "round " << round << ", distance " << distance;
    }
  }
}

TEST(SeededMix, WithoutASeedEachIsDifferent) {
  const seeded_mix a, b;
  EXPECT_NE(a(1), b(1));
}

}  // namespace
}  // namespace fp
