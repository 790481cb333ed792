#include <gtest/gtest.h>

#include "tests/core/faults/history.hpp"
#include "tests/core/support/failing_allocation.hpp"
#include "tests/core/support/faulty_file_system.hpp"
#include "tests/core/support/full_size.hpp"

namespace fp {
namespace {

using test::faulty_file_system;
using test::fs_fault;
using test::fs_operation;
using test::history;
using test::power_failure;
using test::volatile_file_system;

/// What a killed process and what a power failure leaves, compared with what clients know.
void expect_nothing_lost(const volatile_file_system& disk, const test::ledger& known, uint64_t seed) {
  ASSERT_EQ(test::examine(disk, known), "") << "killed";
  for (const auto how : {power_failure::loses_all, power_failure(seed + 2)}) {
    volatile_file_system after(disk);
    after.lose_power(how);
    ASSERT_EQ(test::examine(after, known), "") << "power failure " << static_cast<uint64_t>(how);
  }
}

uint64_t num_operations_without_fault() {
  volatile_file_system disk;
  faulty_file_system fs(disk);
  history h(fs);
  for (size_t step = 0; step < history::num_steps(); step++) {
    EXPECT_TRUE(h.run(step)) << history::name_of(step) << ": " << h.reason();
    EXPECT_EQ(h.examine_memory(), "") << history::name_of(step);
    EXPECT_EQ(test::examine(disk, h.known()), "") << history::name_of(step);
  }
  return fs.num_operations();
}

TEST(Faults, TheHistoryHoldsWithoutAny) { EXPECT_GT(num_operations_without_fault(), 500u); }

/// Runs the history with one operation failing. Until a step has failed, what was acknowledged is certain; then the
/// process is examined as killed and without power, the failed step is tried again, and the history goes on.
class fault_run {
 public:
  fault_run(uint64_t nth, const fs_fault& fault, std::optional<fs_operation> only = std::nullopt)
      : nth_(nth), permanent_(fault.permanent) {
    fs_.on_failed_sync = [this](const path& file) { disk_.fail_sync(file); };
    fs_.fail(nth, fault, only);
  }

  void run() {
    size_t left_after_failure = 6;
    bool examined = false;
    for (size_t step = 0; step < history::num_steps(); step++) {
      bool done = history_.run(step);
      const bool struck = fs_.num_failed() != 0;
      if (struck && !examined) {
        ASSERT_NO_FATAL_FAILURE(expect_nothing_lost(disk_, history_.known(), nth_)) << history::name_of(step);
        examined = true;
      }
      ASSERT_TRUE(done || struck) << history::name_of(step) << ": " << history_.reason();
      if (struck && left_after_failure > 0 && --left_after_failure <= (permanent_ ? 3u : 6u)) fs_.heal();
      for (int again = 0; !done && again < 2; again++) done = history_.run(step);
      ASSERT_EQ(history_.examine_memory(), "") << history::name_of(step);
      if (left_after_failure < 6 && left_after_failure > 0) {
        ASSERT_NO_FATAL_FAILURE(expect_nothing_lost(disk_, history_.known(), nth_ + step))
            << "then " << history::name_of(step);
      }
    }
    struck_ = fs_.num_failed() != 0;
    fs_.heal();
    expect_nothing_lost(disk_, history_.known(), nth_);
  }
  bool struck() const { return struck_; }
  /// The operation that was to fail.
  std::string victim() const {
    const auto all = fs_.history();
    const auto& [operation, file] = all[std::min<size_t>(nth_, all.size()) - 1];
    return "kind " + std::to_string(static_cast<int>(operation)) + " on " + file.string();
  }

 private:
  uint64_t nth_;
  bool permanent_, struck_ = false;
  volatile_file_system disk_;
  faulty_file_system fs_{disk_};
  history history_{fs_, permanent_};
};

void fail_every_operation(const fs_fault& fault, std::optional<fs_operation> only = std::nullopt) {
  const uint64_t stride = test::is_full_size() ? 1 : 7;
  uint64_t num_struck = 0;
  for (uint64_t nth = 1;; nth += stride) {
    SCOPED_TRACE("operation " + std::to_string(nth) + " fails");
    fault_run run(nth, fault, only);
    run.run();
    if (testing::Test::HasFailure()) FAIL() << "operation of " << run.victim();
    if (!run.struck()) break;
    num_struck++;
  }
  EXPECT_GT(num_struck, 0u);
  testing::Test::RecordProperty("faults", std::to_string(num_struck));
}

TEST(Faults, EveryOperationBeforeItsEffect) { fail_every_operation({}); }
TEST(Faults, EveryOperationAfterItsEffect) { fail_every_operation({.after_effect = true}); }
TEST(Faults, EveryOperationWithTheDiskFull) { fail_every_operation({.code = errc::no_space, .short_write = 37}); }
TEST(Faults, EveryOperationAndAllThatFollow) { fail_every_operation({.permanent = true}); }
TEST(Faults, EveryOperationWithEffectAndAllThatFollow) {
  fail_every_operation({.after_effect = true, .permanent = true});
}
TEST(Faults, EveryWriteFromSomePointOnForLackOfSpace) {
  for (const fs_operation kind : {fs_operation::write, fs_operation::create}) {
    fail_every_operation({.code = errc::no_space, .short_write = 600, .permanent = true}, kind);
  }
}
TEST(Faults, EverySyncFromSomePointOn) {
  for (const fs_operation kind : {fs_operation::sync, fs_operation::sync_directory}) {
    fail_every_operation({.permanent = true}, kind);
  }
}
TEST(Faults, EveryOpenFromSomePointOnForLackOfDescriptors) {
  for (const fs_operation kind : {fs_operation::open, fs_operation::open_for_writing, fs_operation::map}) {
    fail_every_operation({.permanent = true}, kind);
  }
}
TEST(Faults, EveryOperationWithSomethingForeign) { fail_every_operation({.foreign = true}); }

}  // namespace
}  // namespace fp
