#include "core/search/stop_condition.hpp"

#include <gtest/gtest.h>

#include "tests/core/support/counting_clock.hpp"
#include "tests/core/support/error_of.hpp"
#include "tests/core/support/lose_processor.hpp"

namespace fp {
namespace {

using test::counting_clock;

class StopCondition : public testing::Test {
 protected:
  StopCondition() {
    counting_clock::reset();
    options.now = &counting_clock::now;
    options.deadline = counting_clock::never;
    stop_condition stop(options, pace);
    while (pace.is_cold()) stop.check();
  }

  search_options options;
  search_pace pace;
};

TEST_F(StopCondition, WarmMemoryTakesALookAfterMuchWork) {
  stop_condition stop(options, pace);
  uint64_t looks = counting_clock::looks, units = 0;
  constexpr uint32_t piece = 8;
  for (int i = 0; i < 1'000'000; i++, units += piece) stop.worked(piece);
  looks = counting_clock::looks - looks;
  EXPECT_GE(looks, units / (stop_condition::most_units + piece));
  EXPECT_LT(looks, units / 64) << "far fewer than pieces of work";
}

TEST_F(StopCondition, ALookFollowsEachWait) {
  if (!switch_watch().works()) GTEST_SKIP() << "no restartable sequences here";
  stop_condition stop(options, pace);
  for (int i = 0; i < 20; i++) {
    const uint64_t looks = counting_clock::looks;
    test::lose_processor();
    EXPECT_TRUE(stop.wants_all());
    stop.worked(1);
    EXPECT_EQ(counting_clock::looks, looks + 1);
  }
  options.deadline = counting_clock::at(counting_clock::looks + 1);
  test::lose_processor();
  EXPECT_EQ(test::error_of([&] { stop.worked(1); }).code(), errc::search_timeout);
}

TEST_F(StopCondition, ColdMemoryTakesALookAfterEachPieceOfWork) {
  counting_clock::reset(std::chrono::milliseconds(1));
  stop_condition stop(options, pace);
  stop.check();
  for (int i = 0; i < 20; i++) {
    EXPECT_TRUE(stop.wants_all());
    const uint64_t looks = counting_clock::looks;
    stop.worked(1);
    EXPECT_EQ(counting_clock::looks, looks + 1);
  }
}

TEST_F(StopCondition, NoLookIsTakenWhenNothingCanStopTheSearch) {
  options.deadline = steady_clock::time_point::max();
  const uint64_t looks = counting_clock::looks;
  stop_condition stop(options, pace);
  for (int i = 0; i < 100'000; i++) stop.worked(stop_condition::most_units);
  EXPECT_EQ(counting_clock::looks, looks);
  cancel_flag cancel = true;
  options.cancel = &cancel;
  EXPECT_EQ(test::error_of([&] { stop.check(); }).code(), errc::cancelled);
}

}  // namespace
}  // namespace fp
