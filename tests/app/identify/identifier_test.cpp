#include "app/identify/identifier.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/app/audio/sounds.hpp"
#include "tests/app/identify/recordings_in_memory.hpp"

namespace fp {
namespace {

constexpr size_t one_second = pcm_rate;

/// `length` samples from `from` on.
pcm cut(const pcm& sound, size_t from, size_t length) {
  return pcm(sound.begin() + static_cast<std::ptrdiff_t>(from),
             sound.begin() + static_cast<std::ptrdiff_t>(from + length));
}

pcm played_at(const pcm& sound, double speed) {
  pcm faster(static_cast<size_t>(static_cast<double>(sound.size() - 1) / speed));
  for (size_t i = 0; i < faster.size(); i++) {
    const double at = static_cast<double>(i) * speed;
    const auto before = static_cast<size_t>(at);
    const double part = at - static_cast<double>(before);
    faster[i] = static_cast<int16_t>((1 - part) * sound[before] + part * sound[before + 1]);
  }
  return faster;
}

class identifier_test : public testing::Test {
 protected:
  identifier_test() {
    for (uint32_t id = 1; id <= 8; id++) {
      sounds.push_back(test::make_melody(id, 60));
      recordings.add_sound(hash_form::plain, id, sounds.back());
    }
  }

  identification identify(std::span<const int16_t> sound, const identify_options& o = {}) {
    return identifier(recordings, o).identify(sound);
  }

  test::recordings_in_memory recordings;
  std::vector<pcm> sounds;
};

TEST_F(identifier_test, NamesAClipAndItsPlaceWhereverItBegins) {
  for (const size_t at : {size_t{0}, 20 * one_second, 20 * one_second + hop_samples / 2,
                          20 * one_second + hop_samples / 4 + 13, 49 * one_second}) {
    const auto found = identify(cut(sounds[3], at, 10 * one_second));
    ASSERT_EQ(found.how, certainty::sure) << at;
    ASSERT_FALSE(found.documents.empty());
    const auto& best = found.documents.front();
    EXPECT_EQ(best.id, 4u);
    EXPECT_EQ(best.step, identify_step::begins);
    EXPECT_TRUE(best.is_compared);
    EXPECT_NEAR(best.place_s, seconds_of(at), 0.07);
    EXPECT_EQ(best.speed, 1);
  }
  EXPECT_EQ(recordings.searched.size(), 5u) << "the first step is enough";
}

TEST_F(identifier_test, AClipThatBeginsBeforeTheRecordingIsAtANegativePlace) {
  pcm clip(3 * one_second, 0);
  const auto first = cut(sounds[0], 0, 9 * one_second);
  clip.insert(clip.end(), first.begin(), first.end());
  const auto found = identify(clip);
  ASSERT_NE(found.how, certainty::none);
  EXPECT_EQ(found.documents.front().id, 1u);
  EXPECT_NEAR(found.documents.front().place_s, -3, 0.1);
}

TEST_F(identifier_test, MusicThatComesAgainIsAtBothPlaces) {
  auto song = test::make_melody(60, 60);
  std::copy(song.begin() + 5 * one_second, song.begin() + 20 * one_second, song.begin() + 40 * one_second);
  recordings.add_sound(hash_form::plain, 9, song);
  const auto found = identify(cut(song, 7 * one_second + 100, 10 * one_second));
  ASSERT_EQ(found.how, certainty::sure);
  const auto& best = found.documents.front();
  ASSERT_EQ(best.id, 9u);
  ASSERT_EQ(best.other_places_s.size(), 1u);
  EXPECT_NEAR(std::min(best.place_s, best.other_places_s[0]), 7, 0.1);
  EXPECT_NEAR(std::max(best.place_s, best.other_places_s[0]), 42, 0.1);
  EXPECT_TRUE(identify(cut(song, 22 * one_second, 10 * one_second)).documents.front().other_places_s.empty());
}

TEST_F(identifier_test, UnknownSoundHasNoName) {
  const auto found = identify(test::make_melody(99, 10));
  EXPECT_EQ(found.how, certainty::none);
  EXPECT_TRUE(found.why == doubt::nothing_alike || found.why == doubt::not_alike) << to_string(found.why);
  EXPECT_EQ(found.content.num_hashes, hashes_of(10 * one_second));
}

TEST_F(identifier_test, SilenceAndShortSoundAreNotEvenSearchedFor) {
  EXPECT_EQ(identify(pcm(10 * one_second, 0)).why, doubt::silence);
  EXPECT_EQ(identify(cut(sounds[0], 0, 3 * one_second)).why, doubt::too_short);
  EXPECT_EQ(identify(pcm()).why, doubt::too_short);
  EXPECT_TRUE(recordings.searched.empty());
}

TEST_F(identifier_test, SpeedsAreTriedWhenNothingElseNamesIt) {
  for (const double speed : {1.03, 0.965, 1.0127}) {
    const auto clip = played_at(cut(sounds[5], 10 * one_second, 12 * one_second), speed);
    const auto found = identify(clip);
    ASSERT_NE(found.how, certainty::none) << speed;
    const auto& best = found.documents.front();
    EXPECT_EQ(best.id, 6u);
    EXPECT_EQ(best.step, identify_step::speeds);
    EXPECT_NEAR(best.speed, speed, 0.003);
    EXPECT_NEAR(best.place_s, 10, 0.3);
  }
  identify_options never;
  never.most_speed = 0;
  EXPECT_EQ(identify(played_at(cut(sounds[5], 10 * one_second, 12 * one_second), 1.03), never).how,
            certainty::none);
}

TEST_F(identifier_test, RecordingsInTheTelephonesBandAreSearchedNext) {
  for (uint32_t id = 1; id <= 8; id++) recordings.add_sound(hash_form::phone, 100 + id, sounds[id - 1]);
  // What a telephone leaves: the same band by another filter, twice.
  auto clip = cut(sounds[6], 15 * one_second, 10 * one_second);
  band_filter().apply(clip);
  const auto found = identify(clip);
  ASSERT_NE(found.how, certainty::none);
  EXPECT_EQ(found.documents.front().id % 100, 7u);
  EXPECT_NEAR(found.documents.front().place_s, 15, 0.1);
  recordings.searched.clear();
  EXPECT_EQ(identify(test::make_melody(99, 10)).how, certainty::none);
  EXPECT_EQ(recordings.searched, (std::vector<hash_form>{hash_form::plain, hash_form::phone, hash_form::plain}));
  identify_options without;
  without.phone = false;
  without.most_speed = 0;
  recordings.searched.clear();
  identify(test::make_melody(99, 10), without);
  EXPECT_EQ(recordings.searched, std::vector<hash_form>{hash_form::plain});
}

TEST_F(identifier_test, ALoopFindsItselfAndNothingThatHoldsIt) {
  const auto half_second = test::make_melody(50, 0.5);
  pcm loop;
  while (loop.size() < 40 * one_second) loop.insert(loop.end(), half_second.begin(), half_second.end());
  pcm tone(30 * one_second);
  for (size_t i = 0; i < tone.size(); i++)
    tone[i] = static_cast<int16_t>(9'000 * std::sin(0.2506 * static_cast<double>(i)));
  // A song that holds ten seconds of the tone.
  auto song = sounds[0];
  std::copy(tone.begin(), tone.begin() + 10 * one_second, song.begin() + 20 * one_second);
  recordings.add_sound(hash_form::plain, 20, song);
  EXPECT_EQ(identify(cut(tone, 0, 8 * one_second)).how, certainty::none);
  EXPECT_EQ(identify(cut(tone, 0, 8 * one_second)).why, doubt::repeats);
  recordings.add_sound(hash_form::plain, 21, tone);
  recordings.add_sound(hash_form::plain, 22, loop);
  const auto of_tone = identify(cut(tone, 0, 8 * one_second));
  EXPECT_EQ(of_tone.how, certainty::likely);
  EXPECT_EQ(of_tone.documents.front().id, 21u);
  const auto of_loop = identify(cut(loop, 0, 10 * one_second));
  EXPECT_NE(of_loop.how, certainty::none) << to_string(of_loop.why);
  EXPECT_EQ(of_loop.documents.front().id, 22u);
}

TEST_F(identifier_test, WithoutAFingerprintTheCountIsAllThereIs) {
  recordings.unnamed = {3};
  const auto found = identify(cut(sounds[2], 20 * one_second, 10 * one_second));
  EXPECT_EQ(found.how, certainty::likely) << "never sure";
  ASSERT_FALSE(found.documents.empty());
  EXPECT_EQ(found.documents.front().id, 3u);
  EXPECT_FALSE(found.documents.front().is_compared);
  EXPECT_GT(found.documents.front().score, 10u);
  EXPECT_GE(found.num_searched, found.documents.front().score);
}

TEST_F(identifier_test, AnIndexOfAcoustidsExtractsIsAskedInItsForm) {
  test::recordings_in_memory extracts;
  for (uint32_t id = 1; id <= 8; id++) extracts.add_sound(hash_form::acoustid_28, id, sounds[id - 1]);
  const auto found = identifier(extracts, {}).identify(cut(sounds[2], 15 * one_second, 10 * one_second));
  ASSERT_NE(found.how, certainty::none);
  EXPECT_EQ(found.documents.front().id, 3u);
  EXPECT_EQ(found.documents.front().form, hash_form::acoustid_28);
  EXPECT_NEAR(found.documents.front().place_s, 15, 0.1);
}

TEST_F(identifier_test, HashesOfSomebodyElseAreSearchedOnce) {
  const auto hashes = fingerprinter().fingerprint(cut(sounds[1], 30 * hop_samples, 10 * one_second));
  const auto found = identifier(recordings, {}).identify(hashes);
  EXPECT_EQ(found.how, certainty::sure);
  EXPECT_EQ(found.documents.front().id, 2u);
  EXPECT_NEAR(found.documents.front().place_s, 30 * hop_s, 0.01);
  EXPECT_EQ(recordings.searched.size(), 1u);
}

}  // namespace
}  // namespace fp
