#include "core/identify/playlist.hpp"

#include <gtest/gtest.h>

#include <random>

namespace fp {
namespace {

constexpr double window_s = 12, step_s = 6;

/// What is on air: a document (0: nothing that is known) from a place on, for so long.
struct piece {
  document_id id;
  double place_s, length_s;
};

/// The answers to windows of a programme: a window is known when it lies in one piece.
std::vector<window_answer> windows_of(const std::vector<piece>& programme) {
  double total = 0;
  for (const auto& p : programme) total += p.length_s;
  std::vector<window_answer> all;
  for (double at = 0; at + window_s <= total; at += step_s) {
    window_answer w;
    w.begin_s = at;
    w.end_s = at + window_s;
    double begin = 0;
    for (const auto& p : programme) {
      if (p.id != 0 && at >= begin && w.end_s <= begin + p.length_s) {
        w.how = certainty::sure;
        w.id = p.id;
        w.place_s = p.place_s + at - begin;
        w.error = 0.05;
      }
      begin += p.length_s;
    }
    all.push_back(w);
  }
  return all;
}

TEST(Playlist, IsWhatWasPlayed) {
  const std::vector<piece> programme{{7, 0, 180}, {0, 0, 60}, {3, 30, 120}, {7, 90, 60}};
  const auto found = make_playlist(windows_of(programme));
  ASSERT_EQ(found.size(), 4u);
  const document_id ids[] = {7, 0, 3, 7};
  const double begins[] = {0, 180, 240, 360};
  for (size_t i = 0; i < 4; i++) {
    EXPECT_EQ(found[i].id, ids[i]);
    EXPECT_NEAR(found[i].begin_s, begins[i], step_s) << i;
  }
  EXPECT_NEAR(found[2].place_s, 30, step_s);
  EXPECT_NEAR(found[3].place_s, 90, step_s);
  EXPECT_EQ(found[0].how, certainty::sure);
  EXPECT_EQ(found[1].how, certainty::none);
}

TEST(Playlist, AStretchThatIsNotHeardDoesNotEndAnEntry) {
  auto windows = windows_of({{7, 0, 240}});
  for (auto& w : windows) {
    if (w.begin_s >= 60 && w.begin_s < 80) w.how = certainty::none;
  }
  const auto found = make_playlist(windows);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].end_s, 240);
  // A longer one does.
  for (auto& w : windows) {
    if (w.begin_s >= 60 && w.begin_s < 150) w.how = certainty::none;
  }
  EXPECT_EQ(make_playlist(windows).size(), 3u);
}

TEST(Playlist, TheSameDocumentFromItsBeginningAgainIsANewEntry) {
  const auto found = make_playlist(windows_of({{7, 0, 120}, {7, 0, 120}}));
  ASSERT_GE(found.size(), 2u);
  EXPECT_EQ(found.front().id, 7u);
  EXPECT_EQ(found.back().id, 7u);
  EXPECT_NEAR(found.back().begin_s, 120, step_s);
}

TEST(Playlist, OneWindowThatIsNotSureIsNone) {
  auto windows = windows_of({{0, 0, 60}});
  windows[3].how = certainty::likely;
  windows[3].id = 5;
  EXPECT_EQ(make_playlist(windows).size(), 1u);
  EXPECT_EQ(make_playlist(windows)[0].id, 0u);
  windows[3].how = certainty::sure;
  EXPECT_EQ(make_playlist(windows).size(), 3u);
  EXPECT_TRUE(make_playlist({}).empty());
}

TEST(Playlist, CoversEveryMomentOnceWhateverTheAnswers) {
  std::mt19937 random(1);
  for (int round = 0; round < 500; round++) {
    std::vector<window_answer> windows;
    const size_t count = 1 + random() % 40;
    for (size_t i = 0; i < count; i++) {
      window_answer w;
      w.begin_s = static_cast<double>(i) * step_s;
      w.end_s = w.begin_s + window_s;
      w.how = static_cast<certainty>(random() % 3);
      w.id = w.how == certainty::none ? 0 : 1 + random() % 3;
      w.place_s = random() % 2 == 0 ? w.begin_s : static_cast<double>(random() % 200);
      windows.push_back(w);
    }
    playlist_options o;
    o.single_must_be_sure = round % 2 == 0;
    const auto found = make_playlist(windows, o);
    ASSERT_FALSE(found.empty());
    ASSERT_EQ(found.front().begin_s, 0);
    ASSERT_EQ(found.back().end_s, windows.back().end_s);
    for (size_t i = 0; i < found.size(); i++) {
      ASSERT_LT(found[i].begin_s, found[i].end_s);
      ASSERT_EQ(found[i].begin_s, i == 0 ? 0 : found[i - 1].end_s) << round;
      ASSERT_EQ(found[i].id == 0, found[i].how == certainty::none);
      // A named stretch was named by a window there that says so.
      if (found[i].id == 0) continue;
      bool named = false;
      for (const auto& w : windows)
        named |= w.id == found[i].id && w.begin_s < found[i].end_s && w.end_s > found[i].begin_s;
      ASSERT_TRUE(named);
    }
  }
}

}  // namespace
}  // namespace fp
