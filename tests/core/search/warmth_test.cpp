#include "core/search/warmth.hpp"

#include <gtest/gtest.h>

namespace fp {
namespace {

/// Searches without faults until it is trusted; at most `most_needed`.
uint32_t searches_to_trust(warmth& w) {
  uint32_t n = 0;
  for (; !w.is_warm() && n < warmth::most_needed; n++) w.searched(0);
  EXPECT_TRUE(w.is_warm());
  return n;
}

TEST(Warmth, IsColdUntilManySearchesMetNoFault) {
  warmth w;
  EXPECT_FALSE(w.is_warm());
  EXPECT_EQ(searches_to_trust(w), warmth::least_needed);
  w.searched(1);
  EXPECT_FALSE(w.is_warm());
  for (uint32_t i = 1; i < warmth::least_needed; i++) w.searched(0);
  EXPECT_FALSE(w.is_warm());
  w.searched(3);
  EXPECT_EQ(searches_to_trust(w), warmth::least_needed) << "in a row";
  w.forget();
  EXPECT_EQ(searches_to_trust(w), warmth::least_needed);
}

TEST(Warmth, WhoTrustedInVainWaitsLongerEachTime) {
  warmth w;
  for (uint32_t needed = warmth::least_needed; needed < warmth::most_needed; needed *= 2) {
    EXPECT_EQ(searches_to_trust(w), needed);
    w.searched_trusting(1);
    EXPECT_FALSE(w.is_warm());
  }
  // And never for ever.
  for (int i = 0; i < 3; i++) {
    EXPECT_EQ(searches_to_trust(w), warmth::most_needed);
    w.searched_trusting(1);
  }
}

TEST(Warmth, TrustThatWasJustifiedComesSooner) {
  warmth w;
  for (int i = 0; i < 4; i++) {
    searches_to_trust(w);
    w.searched_trusting(1);
  }
  searches_to_trust(w);
  for (uint32_t i = 0; i < 2 * 16 * warmth::least_needed; i++) w.searched_trusting(0);
  w.searched(1);
  EXPECT_EQ(searches_to_trust(w), warmth::least_needed);
}

}  // namespace
}  // namespace fp
