#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "tests/actors/faults/history.hpp"
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

/// Ways in which the actors take turns.
uint64_t num_seeds() { return test::is_full_size() ? 2 : 1; }

/// What a killed process and what a power failure leaves, compared with what clients know.
void expect_nothing_lost(const volatile_file_system& disk, const test::ledger& known, uint64_t seed) {
  ASSERT_EQ(test::examine(disk, known), "") << "killed";
  for (const auto how : {power_failure::loses_all, power_failure(seed + 2)}) {
    volatile_file_system after(disk);
    after.lose_power(how);
    ASSERT_EQ(test::examine(after, known), "") << "power failure " << static_cast<uint64_t>(how);
  }
}

/// What went on while a segment file was being written, by the operations on files.
struct overlaps {
  size_t appends = 0;  ///< writes to a log
  size_t files = 0;    ///< segment files that were begun

  void add(const std::vector<faulty_file_system::record>& history) {
    std::set<path> begun;
    for (const auto& [operation, file] : history) {
      const bool is_segment = file.string().ends_with(".seg.tmp");
      if (operation == fs_operation::lock) {
        begun.clear();
      } else if (operation == fs_operation::create && is_segment) {
        files += !begun.empty();
        begun.insert(file);
      } else if (operation == fs_operation::rename || operation == fs_operation::remove) {
        begun.erase(operation == fs_operation::rename ? path(file.string() + ".tmp") : file);
      } else if (operation == fs_operation::write && file.extension() == ".log") {
        appends += !begun.empty();
      }
    }
  }
};

TEST(Faults, TheHistoryHoldsWithoutAny) {
  overlaps seen;
  for (uint64_t seed = 0; seed < (test::is_full_size() ? 1000 : 12); seed++) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    volatile_file_system disk;
    faulty_file_system fs(disk);
    history h(fs, seed);
    for (size_t step = 0; step < history::num_steps(); step++) {
      ASSERT_TRUE(h.run(step)) << history::name_of(step) << ": " << h.reason();
      ASSERT_EQ(h.examine_memory(), "") << history::name_of(step);
      ASSERT_EQ(test::examine(disk, h.known()), "") << history::name_of(step);
    }
    EXPECT_GT(fs.num_operations(), 1'000u);
    if (seed == 0) RecordProperty("operations", std::to_string(fs.num_operations()));
    seen.add(fs.history());
  }
  EXPECT_GT(seen.appends, 20u);
  EXPECT_GT(seen.files, 5u);
}

/// Runs the history with one operation failing. Until a step has failed, what was acknowledged is certain; then the
/// process is examined as killed and without power, the failed step is tried again, and the history goes on.
class fault_run {
 public:
  fault_run(uint64_t seed, uint64_t nth, const fs_fault& fault, std::optional<fs_operation> only)
      : nth_(nth), permanent_(fault.permanent), history_(fs_, seed) {
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
      if (struck && left_after_failure > 0 && --left_after_failure == (permanent_ ? 3u : 5u)) {
        fs_.heal();
        // Else the history's own tries show that all goes on.
        if (nth_ % 2 == 0) {
          ASSERT_EQ(history_.recover(), "") << history::name_of(step);
        }
      }
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
  size_t num_recovered() const { return history_.num_recovered(); }
  /// The operation that was to fail, and what the nodes said.
  std::string story() const {
    const auto all = fs_.history();
    const auto& [operation, file] = all[std::min<size_t>(nth_, all.size()) - 1];
    return "kind " + std::to_string(static_cast<int>(operation)) + " on " + file.string() + '\n' +
           history_.log_text();
  }

 private:
  uint64_t nth_;
  bool permanent_, struck_ = false;
  volatile_file_system disk_;
  faulty_file_system fs_{disk_};
  history history_;
};

/// Answers with how often an index took writes again without a reload.
size_t fail_every_operation(const fs_fault& fault, std::optional<fs_operation> only = std::nullopt) {
  const uint64_t stride = test::is_full_size() ? 1 : 29;
  uint64_t num_struck = 0;
  size_t num_recovered = 0;
  for (uint64_t seed = 0; seed < num_seeds(); seed++) {
    for (uint64_t nth = 1;; nth += stride) {
      // A share of the cases takes turns in a way of its own each time.
      const uint64_t turns = test::is_full_size() ? seed : nth / stride % 5;
      SCOPED_TRACE("operation " + std::to_string(nth) + " fails, seed " + std::to_string(turns));
      fault_run run(turns, nth, fault, only);
      run.run();
      if (testing::Test::HasFailure()) {
        ADD_FAILURE() << "operation of " << run.story();
        return 0;
      }
      if (!run.struck()) break;
      num_struck++;
      num_recovered += run.num_recovered();
    }
  }
  EXPECT_GT(num_struck, 0u);
  testing::Test::RecordProperty("faults", std::to_string(num_struck));
  return num_recovered;
}

TEST(Faults, EveryOperationBeforeItsEffect) { EXPECT_GT(fail_every_operation({}), 0u); }
TEST(Faults, EveryOperationAfterItsEffect) { fail_every_operation({.after_effect = true}); }
TEST(Faults, EveryOperationWithTheDiskFull) { fail_every_operation({.code = errc::no_space, .short_write = 37}); }
TEST(Faults, EveryOperationAndAllThatFollow) { fail_every_operation({.permanent = true}); }
TEST(Faults, EveryOperationWithEffectAndAllThatFollow) {
  fail_every_operation({.after_effect = true, .permanent = true});
}
TEST(Faults, EveryWriteFromSomePointOnForLackOfSpace) {
  size_t num_recovered = 0;
  for (const fs_operation kind : {fs_operation::write, fs_operation::create}) {
    num_recovered += fail_every_operation({.code = errc::no_space, .short_write = 600, .permanent = true}, kind);
  }
  EXPECT_GT(num_recovered, 0u);
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
