#include "app/identify/recording_windows.hpp"

#include <gtest/gtest.h>

#include "tests/app/audio/sounds.hpp"
#include "tests/app/identify/recordings_in_memory.hpp"
#include "tests/core/support/temporary_folder.hpp"

namespace fp {
namespace {

TEST(RecordingWindows, AreThePlaylistOfWhatWasPlayed) {
  constexpr size_t s = pcm_rate;
  test::recordings_in_memory recordings;
  pcm programme;
  const auto play = [&](const pcm& sound, size_t from_s, size_t length_s) {
    programme.insert(programme.end(), sound.begin() + static_cast<std::ptrdiff_t>(from_s * s),
                     sound.begin() + static_cast<std::ptrdiff_t>((from_s + length_s) * s));
  };
  const auto first = test::make_melody(1, 90), second = test::make_melody(2, 90),
             unknown = test::make_melody(3, 60);
  recordings.add_sound(hash_form::plain, 1, first);
  recordings.add_sound(hash_form::plain, 2, second);
  play(first, 0, 70);
  play(unknown, 0, 50);
  play(second, 20, 64);
  test::temporary_folder folder;
  test::write_wav(folder / "hour.wav", programme);
  sound_reader reader({sound_source::kind::file, (folder / "hour.wav").string(), {}, 0}, std::chrono::minutes(5));
  identify_options o;
  o.most_speed = 0;
  identifier identify(recordings, o);
  size_t told = 0;
  const auto windows = identify_windows(reader, identify, {}, {}, [&](const window_answer&) { told++; });
  EXPECT_EQ(told, windows.size());
  ASSERT_EQ(windows.size(), 18u);
  EXPECT_NEAR(windows.back().end_s, 184, 0.01);
  const auto list = make_playlist(windows);
  ASSERT_EQ(list.size(), 3u);
  EXPECT_EQ(list[0].id, 1u);
  EXPECT_NEAR(list[0].end_s, 70, 10);
  EXPECT_EQ(list[1].id, 0u);
  EXPECT_EQ(list[2].id, 2u);
  EXPECT_NEAR(list[2].begin_s, 120, 10);
  EXPECT_NEAR(list[2].place_s, 20, 10);
  EXPECT_NEAR(list[2].begin_s - list[2].place_s, 100, 0.2);
}

}  // namespace
}  // namespace fp
