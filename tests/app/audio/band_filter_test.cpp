#include "app/audio/band_filter.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "app/audio/pcm.hpp"
#include "tests/app/audio/sounds.hpp"

namespace fp {
namespace {

/// What the filter leaves of a tone, in dB, once it has settled.
double gain_db(double hz) {
  pcm sound(pcm_rate);
  for (size_t i = 0; i < sound.size(); i++) {
    sound[i] =
        static_cast<int16_t>(8'000 * std::sin(2 * std::numbers::pi * hz * static_cast<double>(i) / pcm_rate));
  }
  const auto power = [](const pcm& s) {
    double sum = 0;
    for (size_t i = s.size() / 2; i < s.size(); i++) sum += static_cast<double>(s[i]) * s[i];
    return sum;
  };
  const double before = power(sound);
  band_filter().apply(sound);
  return 10 * std::log10(power(sound) / before);
}

TEST(BandFilter, LeavesTheBandAndTakesWhatIsBeside) {
  // Each section of two poles has -3 dB at its edge.
  EXPECT_NEAR(gain_db(300), -6, 0.2);
  EXPECT_NEAR(gain_db(3'400), -3, 0.2);
  EXPECT_NEAR(gain_db(1'000), 0, 0.5);
  EXPECT_NEAR(gain_db(2'000), 0, 0.7);
  // 12 dB an octave and a section.
  EXPECT_LT(gain_db(75), -45);
  EXPECT_LT(gain_db(4'500), -9);
}

TEST(BandFilter, PiecesAreOneSound) {
  auto whole = test::make_melody(1, 3);
  auto pieces = whole;
  band_filter().apply(whole);
  band_filter f;
  for (size_t at = 0; at < pieces.size(); at += 777) {
    f.apply(std::span(pieces).subspan(at, std::min<size_t>(777, pieces.size() - at)));
  }
  EXPECT_EQ(pieces, whole);
}

TEST(BandFilter, WhatIsTooLoudIsCutOff) {
  pcm sound(2'000);
  for (size_t i = 0; i < sound.size(); i++) sound[i] = i / 8 % 2 == 0 ? 32'767 : -32'768;
  band_filter().apply(sound);
  EXPECT_EQ(*std::max_element(sound.begin(), sound.end()), 32'767);
  EXPECT_EQ(*std::min_element(sound.begin(), sound.end()), -32'768);
}

}  // namespace
}  // namespace fp
