#include "app/audio/fingerprinter.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>

#include "app/audio/sound_variants.hpp"
#include "core/identify/alignment.hpp"
#include "tests/app/audio/sounds.hpp"

namespace fp {
namespace {

using hashes = std::vector<hash_value>;

double share_of_equal(const hashes& a, const hashes& b) {
  size_t equal = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); i++) equal += a[i] == b[i];
  return static_cast<double>(equal) / static_cast<double>(std::min(a.size(), b.size()));
}

TEST(Fingerprinter, GivesAsManyHashesAsTheSoundPromises) {
  const auto sound = test::make_melody(1, 20);
  fingerprinter f;
  for (const size_t samples :
       {size_t{0}, size_t{1}, first_hash_samples - 1, first_hash_samples, first_hash_samples + hop_samples - 1,
        first_hash_samples + hop_samples, sound.size()}) {
    EXPECT_EQ(f.fingerprint(std::span(sound).first(samples)).size(), hashes_of(samples)) << samples;
  }
}

TEST(Fingerprinter, SilenceHasOneHash) {
  const auto found = fingerprinter().fingerprint(pcm(size_t{10} * pcm_rate, 0));
  EXPECT_EQ(found, hashes(hashes_of(size_t{10} * pcm_rate), silence_hash));
}

TEST(Fingerprinter, ALaterBeginAWholeHopAwayHasTheSameHashes) {
  const auto sound = test::make_melody(2, 12);
  fingerprinter f;
  const auto whole = f.fingerprint(sound);
  const auto later = f.fingerprint(std::span(sound).subspan(3 * hop_samples));
  EXPECT_TRUE(std::equal(later.begin(), later.end(), whole.begin() + 3));
  const auto between = f.fingerprint(std::span(sound).subspan(hop_samples / 2));
  EXPECT_LT(share_of_equal(between, whole), 0.5);
}

TEST(SoundVariants, OneOfFourBeginsIsNear) {
  const auto variants = variants_of_begin(4);
  ASSERT_EQ(variants.size(), 4u);
  EXPECT_EQ(variants[0].first_sample, 0u);
  EXPECT_EQ(variants[3].first_sample, 1'023u);
  const auto sound = test::make_melody(3, 12);
  const auto whole = fingerprinter().fingerprint(sound);
  // A clip that begins half a hop late: its begin of two quarters is at a whole hop.
  const auto found = fingerprint_variants(std::span(sound).subspan(hop_samples / 2), variants);
  ASSERT_EQ(found.size(), 4u);
  EXPECT_LT(share_of_equal(found[0], whole), 0.5);
  EXPECT_GT(share_of_equal(found[2], hashes(whole.begin() + 1, whole.end())), 0.9);
}

TEST(SoundVariants, SpeedsAreSmallOnesFirstWithoutNone) {
  const auto variants = variants_of_speed(5, 0.5);
  ASSERT_EQ(variants.size(), 20u);
  EXPECT_DOUBLE_EQ(variants[0].speed, 1.005);
  EXPECT_DOUBLE_EQ(variants[1].speed, 0.995);
  EXPECT_DOUBLE_EQ(variants[18].speed, 1.05);
  EXPECT_DOUBLE_EQ(variants[19].speed, 0.95);
}

TEST(SoundVariants, TheSpeedThatTheSoundHasFindsTheRecording) {
  const auto sound = test::make_melody(4, 15);
  // Played 3 % faster, by linear interpolation.
  pcm faster(static_cast<size_t>(static_cast<double>(sound.size() - 1) / 1.03));
  for (size_t i = 0; i < faster.size(); i++) {
    const double at = static_cast<double>(i) * 1.03;
    const auto before = static_cast<size_t>(at);
    const double part = at - static_cast<double>(before);
    faster[i] = static_cast<int16_t>((1 - part) * sound[before] + part * sound[before + 1]);
  }
  const auto whole = fingerprinter().fingerprint(sound);
  const auto variants = variants_of_speed(5, 0.5);
  const auto found = fingerprint_variants(faster, variants);
  ASSERT_EQ(found.size(), variants.size());
  for (size_t i = 0; i < variants.size(); i++) {
    if (variants[i].speed == 1.03) {
      EXPECT_GT(share_of_equal(found[i], whole), 0.7);
    } else {
      EXPECT_LT(share_of_equal(found[i], whole), 0.5) << variants[i].speed;
    }
  }
}

TEST(SoundVariants, ABeginBehindTheEndHasNone) {
  const auto found = fingerprint_variants(pcm(100, 1), variants_of_begin(4));
  EXPECT_EQ(found, std::vector<hashes>(4));
  EXPECT_TRUE(fingerprint_variants(pcm(100, 1), {}).empty());
}

}  // namespace
}  // namespace fp
