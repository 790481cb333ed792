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

  std::optional<search_reply> try_for(std::chrono::nanoseconds at_most,
                                      steady_clock::time_point deadline = steady_clock::time_point::max(),
                                      const cancel_flag* cancel = nullptr) {
    return runner.try_run(*content(), query({1000}), steady_clock::now(), deadline, cancel,
                          steady_clock::now() + at_most);
  }
  snapshot_ptr content() { return state_of(index).current(); }
  uint64_t recorded() { return metrics->activity_so_far().searches; }

  index_coordinator_handle index;
  index_metrics_ptr metrics = std::make_shared<index_metrics>("a");
  environment_ptr env = make_env();
  search_runner runner{*env, "a", metrics};
};

TEST_F(search_runner_test, gives_up_without_a_trace_when_the_budget_is_spent) {
  EXPECT_FALSE(try_for(-1ns));
  EXPECT_EQ(recorded(), 0u);
  const auto reply = try_for(1h);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->results.size(), 3u);
  EXPECT_EQ(recorded(), 1u);
}

TEST_F(search_runner_test, tells_a_spent_budget_from_a_deadline) {
  const auto past = steady_clock::now() - 1s;
  EXPECT_EQ(error_of([&] { try_for(1h, past); }).code(), errc::search_timeout);
  EXPECT_EQ(error_of([&] { try_for(0ns, past); }).code(), errc::search_timeout);
  EXPECT_EQ(error_of([&] { runner.run(*content(), query({1000}), past, past); }).code(), errc::search_timeout);
  EXPECT_EQ(recorded(), 3u);
}

TEST_F(search_runner_test, stops_when_nobody_waits) {
  const cancel_flag gone(true);
  EXPECT_EQ(error_of([&] { try_for(1h, steady_clock::time_point::max(), &gone); }).code(), errc::cancelled);
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
  auto& state = state_of(index);
  const auto here = get<search_reply>(index, query({1000}));
  state.searches_to_hand_over = 1;
  const auto there = get<search_reply>(index, query({1000}));
  EXPECT_EQ(state.searches_to_hand_over, 0u);
  EXPECT_EQ(here.results.to_vector(), there.results.to_vector());
  EXPECT_EQ(here.version, there.version);
  EXPECT_EQ(status(index).searches, 2u);
}

/// A search that was too long is followed by ever more that are handed over.
TEST_F(search_runner_test, long_searches_are_tried_ever_more_seldom) {
  own_search_budget = -1us;  // all are too long
  const auto slow = ready_index(prepare_index("b", 3));
  auto& state = state_of(slow);
  for (const uint32_t expected : {64, 128, 256, 512, 1024, 2048, 4096, 4096}) {
    EXPECT_EQ(get<search_reply>(slow, query({1000})).results.size(), 3u);
    EXPECT_EQ(std::exchange(state.searches_to_hand_over, 0), expected);
  }
}

TEST_F(search_runner_test, searches_that_come_together_are_handed_over) {
  auto& state = state_of(index);
  state.searches_to_hand_over = 7;  // lowered by those that come alone
  const auto first = ask<search_reply>(index, query({1000})), second = ask<search_reply>(index, query({1000}));
  for (int i = 0; i < 2; i++) {
    scheduler().prioritize(index);
    ASSERT_TRUE(step());
  }
  EXPECT_EQ(state.queued_searches(), 2u);
  EXPECT_EQ(state.searches_to_hand_over, 7u);
  run();
  EXPECT_EQ(first.value().results.size(), 3u);
  EXPECT_EQ(second.value().results.size(), 3u);
}

}  // namespace
}  // namespace fp
