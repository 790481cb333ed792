#include "core/base/radix_sort.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace fp {
namespace {

TEST(RadixSort, SortsStablyByTheGivenBits) {
  std::mt19937_64 random(2);
  for (const size_t count : {0, 1, 2, 64, 65, 1000, 20'000}) {
    for (const auto& [low, bits] : {std::pair{32u, 32u}, {36u, 28u}, {0u, 64u}, {5u, 1u}, {40u, 0u}, {13u, 12u}}) {
      std::vector<uint64_t> keys(count);
      for (auto& k : keys) k = random() % 4 == 0 ? random() % 7 << 32 : random();
      const auto part = [low = low, bits = bits](uint64_t key) {
        return bits == 64 ? key : key >> low & ((uint64_t{1} << bits) - 1);
      };
      auto expected = keys;
      std::stable_sort(expected.begin(), expected.end(), [&](uint64_t a, uint64_t b) { return part(a) < part(b); });
      std::vector<uint64_t> scratch;
      radix_sort(keys, scratch, low, bits);
      EXPECT_EQ(keys, expected) << count << " keys by " << bits << " bits from " << low;
    }
  }
}

}  // namespace
}  // namespace fp
