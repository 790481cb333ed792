#include "actors/search_runner.hpp"

#include "tests/actors/support/actor_fixture.hpp"
#include "tests/core/support/error_of.hpp"

namespace fp {
namespace {

using namespace std::chrono_literals;
using test::error_of;

class search_runner_test : public test::actor_fixture {
 protected:
  search_runner_test() {
    settings.segment_load_mode = load_mode::read;  // in memory, nothing is cold
    index = ready_index(prepare_index("a", 3));
  }

  snapshot_ptr content() { return state_of(index).current(); }
  search_reply search_by(steady_clock::time_point deadline, const cancel_flag* cancel = nullptr) {
    return runner.run(*content(), query({1000}), steady_clock::now(), deadline, cancel);
  }
  uint64_t recorded() { return metrics->activity_so_far().searches; }

  index_coordinator_handle index;
  index_metrics_ptr metrics = std::make_shared<index_metrics>("a");
  environment_ptr env = make_env();
  search_runner runner{*env, "a", metrics};
};

TEST_F(search_runner_test, records_what_it_finds_and_what_takes_too_long) {
  EXPECT_EQ(search_by(steady_clock::time_point::max()).results.size(), 3u);
  EXPECT_EQ(recorded(), 1u);
  EXPECT_EQ(error_of([&] { search_by(steady_clock::now() - 1s); }).code(), errc::search_timeout);
  EXPECT_EQ(recorded(), 2u);
}

TEST_F(search_runner_test, stops_when_nobody_waits) {
  const cancel_flag gone(true);
  EXPECT_EQ(error_of([&] { search_by(steady_clock::time_point::max(), &gone); }).code(), errc::cancelled);
}

TEST_F(search_runner_test, logs_slow_searches_and_not_all_of_many) {
  const auto long_ago = steady_clock::now() - 1h;
  const auto never = steady_clock::time_point::max();
  runner.run(*content(), query({1000}), steady_clock::now(), never);
  EXPECT_EQ(log_text().find("slow"), std::string::npos);
  for (int i = 0; i < 3; i++) runner.run(*content(), query({1000}), long_ago, never);
  const std::string text = log_text();
  const auto at = text.find("a: slow search: 3600");
  ASSERT_NE(at, std::string::npos) << text;
  EXPECT_NE(text.find(" ms: 1 hashes, limit ", at), std::string::npos) << text;
  EXPECT_NE(text.find("3 postings, 3 results", at), std::string::npos) << text;
  EXPECT_EQ(text.find("slow search", at + 10), std::string::npos) << text;

  auto other = std::make_shared<environment>(*env);
  other->settings.slow_search_ms = 0;
  const std::string before = log_text();
  search_runner(*other, "a", metrics).run(*content(), query({1000}), long_ago, never);
  EXPECT_EQ(log_text(), before);
}

/// The coordinator answers alone what it can, and hands over the rest; both ways give the same answers.
TEST_F(search_runner_test, searches_are_answered_alike_wherever_they_run) {
  own_search_budget = -1us;  // all are too long
  const auto other = ready_index(prepare_index("b", 3));
  const auto here = get<search_reply>(index, query({1000})), there = get<search_reply>(other, query({1000}));
  EXPECT_EQ(state_of(index).direct->num_searches(), 1u);
  EXPECT_EQ(state_of(other).direct->num_searches(), 0u);
  EXPECT_EQ(here.results.to_vector(), there.results.to_vector());
  EXPECT_EQ(here.version, there.version);
  for (const auto& each : {index, other}) EXPECT_EQ(status(each).searches, 1u);
}

/// A search that was too long is followed by ever more that are handed over, and recorded once.
TEST_F(search_runner_test, long_searches_are_tried_ever_more_seldom) {
  own_search_budget = -1us;
  const auto slow = ready_index(prepare_index("b", 3));
  auto& state = state_of(slow);
  uint64_t searches = 0;
  for (const uint32_t expected : {64, 128, 256, 512}) {
    do {
      EXPECT_EQ(get<search_reply>(slow, query({1000})).results.size(), 3u);
      searches++;
    } while (state.direct->num_left_to_others() != expected);
    while (state.direct->num_left_to_others() > 0) {
      get<search_reply>(slow, query({1000}));
      searches++;
    }
  }
  EXPECT_EQ(searches, 4 + 64 + 128 + 256 + 512);
  EXPECT_EQ(status(slow).searches, searches);
  EXPECT_EQ(state.metrics->activity_so_far().searches, searches);
}

TEST_F(search_runner_test, searches_that_come_together_are_handed_over) {
  auto& state = state_of(index);
  const auto first = ask<search_reply>(index, query({1000})), second = ask<search_reply>(index, query({1000}));
  for (int i = 0; i < 2; i++) {
    scheduler().prioritize(index);
    ASSERT_TRUE(step());
  }
  EXPECT_EQ(state.queued_searches(), 2u);
  run();
  EXPECT_EQ(first.value().results.size(), 3u);
  EXPECT_EQ(second.value().results.size(), 3u);
}

}  // namespace
}  // namespace fp
