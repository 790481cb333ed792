#include "core/metrics/history.hpp"

#include <gtest/gtest.h>

namespace fp {
namespace {

using namespace std::chrono_literals;

TEST(activity_history, holds_what_happened_between_samples) {
  index_metrics m("a");
  m.searched(1, 10, 10, 4, 1ms);  // before the history begins
  activity_history history(2, 150, m.activity_so_far());
  for (int i = 0; i < 100; i++) m.searched(1, 10, 10, 4, 150us);
  m.updated(1ms);
  history.add(m.activity_so_far(), 2);
  history.add(m.activity_so_far(), 2);
  m.search_failed(errc::search_timeout, 700ms);
  m.search_refused(errc::overloaded, 3);
  history.add(m.activity_so_far(), 4);
  const auto h = history.read();
  EXPECT_EQ(h.step_seconds, 2);
  EXPECT_EQ(h.searches, (std::vector<double>{50, 0, 1}));
  EXPECT_EQ(h.updates, (std::vector<double>{0.5, 0, 0}));
  ASSERT_EQ(h.search_p50_ms.size(), 3u);
  // All within the bucket from 0.1 to 0.2 ms.
  EXPECT_EQ(h.search_p50_ms[0], 0.15);
  EXPECT_EQ(h.search_p95_ms[0], 0.195);
  EXPECT_EQ(h.search_p99_ms[0], 0.199);
  EXPECT_EQ(h.search_p50_ms[1], std::nullopt);
  EXPECT_EQ(h.search_p99_ms[1], std::nullopt);
  EXPECT_EQ(h.search_p50_ms[2], 750);
}

TEST(activity_history, a_step_with_refusals_only_has_no_percentiles) {
  index_metrics m("a");
  activity_history history(2, 150, m.activity_so_far());
  m.search_refused(errc::overloaded);
  history.add(m.activity_so_far(), 2);
  EXPECT_EQ(history.read().searches, std::vector<double>{0.5});
  EXPECT_EQ(history.read().search_p50_ms[0], std::nullopt);
}

TEST(activity_history, forgets_the_oldest) {
  index_metrics m("a");
  activity_history history(2, 3, m.activity_so_far());
  for (int step = 1; step <= 5; step++) {
    for (int i = 0; i < step; i++) m.updated(1ms);
    history.add(m.activity_so_far(), 1);
  }
  EXPECT_EQ(history.read().updates, (std::vector<double>{3, 4, 5}));
}

}  // namespace
}  // namespace fp
