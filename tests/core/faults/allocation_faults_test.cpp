#include <gtest/gtest.h>

#include "tests/core/faults/history.hpp"
#include "tests/core/support/failing_allocation.hpp"
#include "tests/core/support/full_size.hpp"

namespace fp {
namespace {

using test::history;
using test::power_failure;
using test::volatile_file_system;

/// Runs the history with one allocation failing; a step that fails is tried again. Whether one failed.
bool run_without(uint64_t nth) {
  volatile_file_system disk;
  history h(disk);
  test::fail_allocation(nth);
  bool examined = false;
  for (size_t step = 0; step < history::num_steps(); step++) {
    bool done = h.run(step);
    if (!done && !test::allocation_has_failed()) ADD_FAILURE() << history::name_of(step) << ": " << h.reason();
    if (!done && !examined) {
      examined = true;
      EXPECT_EQ(test::examine(disk, h.known()), "") << history::name_of(step);
      volatile_file_system after(disk);
      after.lose_power(power_failure::loses_all);
      EXPECT_EQ(test::examine(after, h.known()), "") << "without power, " << history::name_of(step);
    }
    for (int again = 0; !done && again < 2; again++) done = h.run(step);
    EXPECT_EQ(h.examine_memory(), "") << history::name_of(step);
    if (testing::Test::HasFailure()) break;
  }
  const bool failed = test::allocation_has_failed();
  test::fail_allocation(0);
  EXPECT_EQ(test::examine(disk, h.known()), "");
  return failed;
}

TEST(Faults, EveryAllocation) {
  const uint64_t before = test::num_allocations();
  ASSERT_FALSE(run_without(0));
  const uint64_t num_allocations = test::num_allocations() - before;
  EXPECT_GT(num_allocations, 1000u);
  const uint64_t stride = test::is_full_size() ? 1 : std::max<uint64_t>(1, num_allocations / 150);
  for (uint64_t nth = 1;; nth += stride) {
    SCOPED_TRACE("allocation " + std::to_string(nth) + " fails");
    const bool failed = run_without(nth);
    if (testing::Test::HasFailure() || !failed) break;
  }
}

}  // namespace
}  // namespace fp
