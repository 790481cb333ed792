#include "core/oplog/oplog.hpp"
#include "core/oplog/oplog_format.hpp"
#include "tests/core/oplog/log_fixture.hpp"

namespace fp {
namespace {

using test::fs_fault;
using test::fs_operation;

class oplog_fault_test : public test::log_fixture {
 protected:
  static std::vector<fs_fault> all_faults() {
    std::vector<fs_fault> faults;
    for (const bool permanent : {false, true}) {
      for (const size_t short_write : {0, 10, 100}) {
        faults.push_back({.code = errc::no_space, .short_write = short_write, .permanent = permanent});
      }
      faults.push_back({.code = errc::io_error, .after_effect = true, .permanent = permanent});
    }
    return faults;
  }

  /// Tries an append that must fail.
  void fail_append(oplog& log, const std::vector<commit>& commits, errc code) {
    const commit_id before = log.last_commit();
    try {
      log.append(commits);
      ADD_FAILURE() << "appended";
    } catch (const error& e) {
      EXPECT_EQ(e.code(), code);
    }
    EXPECT_EQ(log.last_commit(), before);
  }
};

TEST_F(oplog_fault_test, a_failed_write_is_cut_off_and_can_be_repeated) {
  auto o = open();
  append(*o.log, {40});
  const auto before = test::read_folder(folder_.path());
  fs_.fail(1, {.code = errc::no_space, .short_write = 50}, fs_operation::write);
  fail_append(*o.log, next_commits({200}), errc::no_space);
  EXPECT_FALSE(o.log->is_broken());
  EXPECT_EQ(test::read_folder(folder_.path()), before);
  append(*o.log, {200});
  EXPECT_EQ(log_names().size(), 1u);
  o.log.reset();
  EXPECT_TRUE(is_model(open()));
}

TEST_F(oplog_fault_test, goes_on_with_a_file_that_was_closed_for_others) {
  options_.files = std::make_shared<open_files>(1);
  auto o = open();
  append(*o.log, {40});
  fs_.reset_counts();
  append(*o.log, {40});
  EXPECT_EQ(fs_.num_operations(fs_operation::open_for_writing), 0u) << "nobody needed its place";
  const auto need_its_place = [&] { const open_files::place place(*options_.files); };
  need_its_place();
  append(*o.log, {40});
  EXPECT_EQ(fs_.num_operations(fs_operation::open_for_writing), 1u);
  EXPECT_EQ(log_names().size(), 1u);

  // It cannot be opened: nothing of the append is left, and a later one goes on.
  need_its_place();
  fs_.fail(1, {}, fs_operation::open_for_writing);
  fail_append(*o.log, next_commits({80}), errc::io_error);
  EXPECT_FALSE(o.log->is_broken());
  append(*o.log, {80});
  EXPECT_EQ(log_names().size(), 1u);

  // A failed write is cut off, and what is opened again is what was left.
  fs_.fail(1, {.code = errc::no_space, .short_write = 50}, fs_operation::write);
  fail_append(*o.log, next_commits({200}), errc::no_space);
  need_its_place();
  append(*o.log, {120});
  o.log.reset();
  EXPECT_TRUE(is_model(open()));
}

TEST_F(oplog_fault_test, trusts_no_file_again_whose_sync_has_failed) {
  options_.files = std::make_shared<open_files>(1);
  auto o = open();
  append(*o.log, {40});
  fs_.fail(1, {}, fs_operation::sync);
  fail_append(*o.log, next_commits({200}), errc::io_error);
  { const open_files::place place(*options_.files); }
  fs_.reset_counts();
  append(*o.log, {200});
  EXPECT_EQ(fs_.num_operations(fs_operation::open_for_writing), 0u);
  EXPECT_EQ(log_names().size(), 2u);
  o.log.reset();
  EXPECT_TRUE(is_model(open()));
}

TEST_F(oplog_fault_test, writes_to_no_file_that_somebody_has_changed_meanwhile) {
  for (const bool is_gone : {false, true}) {
    test::write_folder(folder_.path(), {});
    model_.clear();
    options_.files = std::make_shared<open_files>(1);
    auto o = open();
    append(*o.log, {40});
    { const open_files::place place(*options_.files); }
    const path file = folder_ / log_names().front();
    if (is_gone) {
      posix_file_system().remove(file);
    } else {
      std::filesystem::resize_file(file, std::filesystem::file_size(file) - 32);
    }
    fail_append(*o.log, next_commits({40}), errc::io_error);
    EXPECT_EQ(o.log->is_broken(), !is_gone);
  }
}

TEST_F(oplog_fault_test, after_a_failed_sync_a_new_file_is_used) {
  auto o = open();
  append(*o.log, {40});
  const auto before = test::read_folder(folder_.path());
  fs_.fail(1, {}, fs_operation::sync);
  fail_append(*o.log, next_commits({200}), errc::io_error);
  EXPECT_FALSE(o.log->is_broken());
  EXPECT_EQ(test::read_folder(folder_.path()), before);

  // The new file cannot be made at first.
  fs_.fail(1, {.code = errc::no_space}, fs_operation::create);
  fail_append(*o.log, next_commits({200}), errc::no_space);
  EXPECT_FALSE(o.log->is_broken());
  EXPECT_EQ(test::read_folder(folder_.path()), before);

  // Nor its first frame written: that file is not used again either, though the next has its name.
  fs_.fail(2, {}, fs_operation::sync);
  fail_append(*o.log, next_commits({200}), errc::io_error);
  EXPECT_EQ(log_names(), (std::vector<std::string>{oplog_format::file_name(1), oplog_format::file_name(2)}));
  fs_.reset_counts();
  append(*o.log, {300});
  EXPECT_EQ(fs_.num_operations(fs_operation::create), 1u);
  EXPECT_EQ(log_names(), (std::vector<std::string>{oplog_format::file_name(1), oplog_format::file_name(2)}));
  append(*o.log, {300});
  EXPECT_EQ(log_names().size(), 2u);
  o.log.reset();
  EXPECT_TRUE(is_model(open()));
}

TEST_F(oplog_fault_test, is_broken_when_it_cannot_be_cut_back) {
  // Every sync fails: the frame is gone, but not durably so. Or all that follows the write: the frame stays.
  for (const bool stays : {false, true}) {
    test::write_folder(folder_.path(), {});
    model_.clear();
    auto o = open();
    append(*o.log, {40});
    const auto commits = next_commits({200});
    if (stays) {
      fs_.fail(2, {.permanent = true});
    } else {
      fs_.fail(1, {.permanent = true}, fs_operation::sync);
    }
    fail_append(*o.log, commits, errc::io_error);
    fs_.heal();
    EXPECT_TRUE(o.log->is_broken());
    fail_append(*o.log, commits, errc::io_error);
    o.log->close();
    EXPECT_FALSE(posix_file_system().exists(folder_ / "seal"));
    o.log.reset();
    o = open();
    EXPECT_FALSE(o.log->is_broken());
    if (stays) model_.push_back(commits[0].changes);
    EXPECT_TRUE(is_model(o));
  }
}

/// Fails each operation of some appends in each way: whatever happens, acknowledged commits stay, and a failed
/// append leaves nothing unless the log says that it is broken.
TEST_F(oplog_fault_test, survives_every_failure_while_appending) {
  options_.max_file_bytes = 300;
  size_t num_broken = 0, num_whole = 0;
  for (const fs_fault& fault : all_faults())
    for (const bool taking_turns : {false, true}) {
      for (uint64_t nth = 1;; nth++) {
        test::write_folder(folder_.path(), {});
        model_.clear();
        options_.files = std::make_shared<open_files>(1);
        auto o = open();
        append(*o.log, {40});
        fs_.reset_counts();
        fs_.fail(nth, fault);
        commit_id uncertain = 0;
        changes_ptr uncertain_changes;
        // Until the fault struck, and twice more.
        for (int step = 0, left = 3; step < 12 && left > 0; step++) {
          const auto commits = next_commits({120});
          if (taking_turns) open_files::place taken(*options_.files);
          try {
            append(*o.log, commits);
          } catch (const error& e) {
            ASSERT_EQ(e.code(), o.log->is_broken() && uncertain != 0 ? errc::io_error : fault.code);
            if (o.log->is_broken() && uncertain == 0) {
              uncertain = commits[0].id;
              uncertain_changes = commits[0].changes;
            }
          }
          if (fs_.num_failed() != 0 && --left == 1) fs_.heal();
          ASSERT_EQ(o.log->last_commit(), model_.size());
        }
        const bool struck = fs_.num_failed() != 0;
        fs_.heal();
        const bool broken = o.log->is_broken();
        (broken ? num_broken : num_whole)++;
        if (nth % 2 == 0) o.log->close();
        o.log.reset();
        o = open();
        if (broken && o.log->last_commit() == uncertain) model_.push_back(uncertain_changes);
        ASSERT_TRUE(is_model(o)) << "operation " << nth << (broken ? ", broken" : "");
        append(*o.log, {60});
        o.log.reset();
        ASSERT_TRUE(is_model(open()));
        if (!struck) break;
      }
    }
  EXPECT_GT(num_broken, 0u);
  EXPECT_GT(num_whole, 0u);
}

TEST_F(oplog_fault_test, survives_every_failure_while_opening_truncating_and_closing) {
  options_.max_file_bytes = 300;
  auto o = open();
  for (int i = 0; i < 8; i++) append(*o.log, {120});
  o.log.reset();
  const auto unsealed = test::read_folder(folder_.path());
  open().log->close();
  const auto sealed = test::read_folder(folder_.path());
  auto torn = unsealed;
  torn.rbegin()->second += "torn";
  auto torn_whole = unsealed;
  torn_whole[oplog_format::file_name(9)] = "";
  torn_whole["seal.tmp"] = "";
  const auto model = model_;
  for (const auto& start : {unsealed, sealed, torn, torn_whole}) {
    for (const fs_fault& fault : all_faults()) {
      for (uint64_t nth = 1;; nth++) {
        test::write_folder(folder_.path(), start);
        model_ = model;
        fs_.reset_counts();
        fs_.fail(nth, fault);
        try {
          auto victim = open();
          append(*victim.log, {20});
          victim.log->truncate(5);
          victim.log->close();
        } catch (const error& e) {
          ASSERT_EQ(e.code(), fault.code) << e.what();
        }
        const bool struck = fs_.num_failed() != 0;
        fs_.heal();
        const auto again = open(5);
        if (again.log->last_commit() == model.size() + 1 && model_.size() == model.size()) {
          model_.push_back(again.commits.back().changes);  // not acknowledged, but written
          ASSERT_TRUE(struck);
        }
        ASSERT_TRUE(is_model(again, 5)) << "operation " << nth;
        if (!struck) break;
      }
    }
  }
}

}  // namespace
}  // namespace fp
