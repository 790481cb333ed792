#include "core/base/task_line.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <latch>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/error.hpp"
#include "tests/core/support/error_of.hpp"
#include "tests/core/support/helper_pool.hpp"

namespace fp {
namespace {

/// Keeps offers until it is told to take them up.
class busy_helpers final : public helper_threads {
 public:
  size_t count() const noexcept override { return 2; }
  void offer(std::function<void()> work) override { offers.push_back(std::move(work)); }

  std::vector<std::function<void()>> offers;
};

TEST(TaskLine, WithoutHelpersEachIsDoneWhenItIsWaitedFor) {
  std::vector<int> done;
  task_line tasks(nullptr);
  for (int i = 0; i < 3; i++) tasks.add([&done, i] { done.push_back(i); });
  EXPECT_TRUE(done.empty());
  tasks.finish_oldest();
  EXPECT_THAT(done, testing::ElementsAre(0));
  tasks.finish_oldest();
  tasks.finish_oldest();
  EXPECT_THAT(done, testing::ElementsAre(0, 1, 2));
  EXPECT_TRUE(tasks.is_empty());
}

TEST(TaskLine, EachIsDoneOnceWhoeverComesToIt) {
  test::helper_pool helpers(3);
  constexpr size_t count = 2000;
  std::vector<std::atomic<int>> done(count);
  task_line tasks(&helpers);
  for (size_t i = 0; i < count; i++) {
    tasks.add([&done, i] { done[i]++; });
    if (tasks.size() < 7) continue;
    const size_t oldest = i + 1 - tasks.size();
    tasks.finish_oldest();
    ASSERT_EQ(done[oldest], 1);
  }
  while (!tasks.is_empty()) tasks.finish_oldest();
  for (const auto& d : done) ASSERT_EQ(d, 1);
}

TEST(TaskLine, WhileAnotherThreadHasTheOldestTheNextOnesAreDone) {
  test::helper_pool helpers(1);
  std::latch begun(1), next_done(1);
  task_line tasks(&helpers);
  tasks.add([&] {
    begun.count_down();
    next_done.wait();
  });
  begun.wait();
  tasks.add([&] { next_done.count_down(); });
  tasks.finish_oldest();
  tasks.finish_oldest();
}

TEST(TaskLine, ThrowsWhatATaskThrew) {
  test::helper_pool pool(1);
  for (helper_threads* helpers : test::nobody_and(pool)) {
    task_line tasks(helpers);
    tasks.add([] { throw error(errc::no_space, "full"); });
    tasks.add([] {});
    EXPECT_EQ(test::error_of([&] { tasks.finish_oldest(); }).code(), errc::no_space);
    tasks.finish_oldest();
  }
}

TEST(TaskLine, WaitsForNobodyWhoHasNotBegun) {
  busy_helpers helpers;
  int done = 0;
  std::optional<task_line> tasks(&helpers);
  for (int i = 0; i < 3; i++) tasks->add([&] { done++; });
  tasks->finish_oldest();
  EXPECT_EQ(done, 1);
  tasks.reset();
  // The helpers come too late: for what is done, and for what is gone.
  for (const auto& work : helpers.offers) work();
  EXPECT_EQ(done, 1);
}

TEST(TaskLine, WaitsForWhatOthersHaveBegun) {
  test::helper_pool helpers(1);
  std::latch begun(1), may_end(1);
  std::atomic<bool> ended = false;
  std::jthread other;
  {
    task_line tasks(&helpers);
    tasks.add([&] {
      begun.count_down();
      may_end.wait();
      ended = true;
    });
    begun.wait();
    other = std::jthread([&] { may_end.count_down(); });
  }
  EXPECT_TRUE(ended);
}

TEST(TaskLine, BusyHelpersAreOfferedNoMoreThanEightEach) {
  busy_helpers helpers;
  task_line tasks(&helpers);
  for (int i = 0; i < 100; i++) {
    tasks.add([] {});
    tasks.finish_oldest();
  }
  EXPECT_EQ(helpers.offers.size(), 16u);
  for (const auto& work : std::exchange(helpers.offers, {})) work();
  tasks.add([] {});
  EXPECT_EQ(helpers.offers.size(), 1u);
  tasks.finish_oldest();
}

}  // namespace
}  // namespace fp
