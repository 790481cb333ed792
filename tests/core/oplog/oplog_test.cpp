#include "core/oplog/oplog.hpp"

#include "core/oplog/oplog_format.hpp"
#include "tests/core/oplog/log_fixture.hpp"

namespace fp {
namespace {

using oplog_test = test::log_fixture;
using test::fs_operation;

TEST_F(oplog_test, a_new_log_is_empty) {
  auto o = open();
  EXPECT_EQ(o.log->last_commit(), 0u);
  EXPECT_EQ(o.log->num_bytes(), 0u);
  EXPECT_TRUE(o.commits.empty());
  EXPECT_TRUE(log_names().empty());
  o.log->append({});
  EXPECT_TRUE(log_names().empty());
}

TEST_F(oplog_test, delivers_what_was_appended) {
  {
    auto o = open();
    append(*o.log, {100});
    append(*o.log, {0, 4, 5000});
    append(*o.log, {0});
    EXPECT_EQ(o.log->last_commit(), 5u);
    EXPECT_EQ(o.log->num_bytes(), posix_file_system().file_size(folder_ / log_names().at(0)));
  }
  for (commit_id after = 0; after <= model_.size(); after++) {
    const auto o = open(after);
    EXPECT_TRUE(is_model(o, after));
    EXPECT_EQ(o.report.torn_bytes, 0u);
    EXPECT_FALSE(o.report.ends_early_at);
  }
}

TEST_F(oplog_test, an_append_is_one_write_and_one_sync) {
  auto o = open();
  append(*o.log, {4});
  const path file = folder_ / log_names().at(0);
  fs_.reset_counts();
  append(*o.log, {100, 200, 30'000});
  EXPECT_EQ(fs_.history(), (std::vector<test::faulty_file_system::record>{{fs_operation::write, file},
                                                                          {fs_operation::sync, file}}));
}

TEST_F(oplog_test, a_new_file_is_durable_before_its_first_frame) {
  auto o = open();
  fs_.reset_counts();
  append(*o.log, {4});
  const path file = folder_ / log_names().at(0);
  EXPECT_EQ(fs_.history(),
            (std::vector<test::faulty_file_system::record>{{fs_operation::create, file},
                                                           {fs_operation::write, file},
                                                           {fs_operation::sync, file},
                                                           {fs_operation::sync_directory, folder_.path()},
                                                           {fs_operation::write, file},
                                                           {fs_operation::sync, file}}));
}

TEST_F(oplog_test, rotates_and_truncates) {
  options_.max_file_bytes = 1000;
  auto o = open();
  for (int i = 0; i < 10; i++) append(*o.log, {400});
  // 32 + 3 * 448 bytes are the first to reach 1000.
  const auto name = [](commit_id first) { return oplog_format::file_name(first); };
  EXPECT_EQ(log_names(), (std::vector<std::string>{name(1), name(4), name(7), name(10)}));
  o.log->truncate(2);
  EXPECT_EQ(log_names().size(), 4u);
  o.log->truncate(3);
  EXPECT_EQ(log_names(), (std::vector<std::string>{name(4), name(7), name(10)}));
  o.log->truncate(8);
  EXPECT_EQ(log_names(), (std::vector<std::string>{name(7), name(10)}));
  o.log->truncate(100);
  EXPECT_EQ(log_names(), (std::vector<std::string>{name(10)}));
  EXPECT_EQ(o.log->num_bytes(), posix_file_system().file_size(folder_ / name(10)));
  EXPECT_EQ(o.log->last_commit(), 10u);
  o.log.reset();
  EXPECT_TRUE(is_model(open(9), 9));
  EXPECT_EQ(open_error(8).code(), errc::corrupt_data);
}

TEST_F(oplog_test, random_histories_match_a_model) {
  for (int round = 0; round < 20; round++) {
    test::write_folder(folder_.path(), {});
    model_.clear();
    options_.max_file_bytes = random_() % 2 == 0 ? 1 : 200 + random_() % 4000;
    commit_id durable = 0;
    auto o = open();
    for (int step = 0; step < 100; step++) {
      const auto dice = random_() % 10;
      if (dice < 7) {
        std::vector<commit> commits;
        for (size_t n = 1 + random_() % 4; n > 0; n--) {
          auto changes = random_changes(random_() % (random_() % 8 == 0 ? 3000 : 60));
          if (random_() % 8 == 0) changes = make_changes(std::vector<uint8_t>(changes->size()));
          commits.push_back(make_commit(model_.size() + commits.size() + 1, changes));
        }
        append(*o.log, commits);
      } else if (dice == 7) {
        durable += random_() % (model_.size() - durable + 1);
        o.log->truncate(durable);
      } else {
        if (random_() % 2 == 0) o.log->close();
        o.log.reset();
        const commit_id after = durable + random_() % (model_.size() - durable + 1);
        o = open(after);
        ASSERT_TRUE(is_model(o, after));
        ASSERT_EQ(o.report.torn_bytes, 0u);
        durable = after;
      }
      ASSERT_EQ(o.log->last_commit(), model_.size());
    }
  }
}

TEST_F(oplog_test, rejects_appends_that_do_not_continue) {
  auto o = open();
  append(*o.log, {8});
  const auto expect_rejected = [&](std::vector<commit> commits) {
    try {
      o.log->append(commits);
      ADD_FAILURE() << "accepted";
    } catch (const error& e) {
      EXPECT_EQ(e.code(), errc::internal_error) << e.what();
    }
    EXPECT_FALSE(o.log->is_broken());
  };
  expect_rejected({{0, 1, random_changes(4)}});
  expect_rejected({{2, 3, random_changes(4)}});
  expect_rejected({{0, 2, random_changes(4)}});
  expect_rejected({{1, 1, random_changes(4)}});
  expect_rejected({{1, 2, random_changes(4)}, {1, 3, random_changes(4)}});
  expect_rejected({{1, 2, random_changes(4)}, {2, 2, random_changes(4)}});
  expect_rejected({{1, 2, nullptr}});
  expect_rejected({{1, 2, make_changes({1, 2, 3})}});
  append(*o.log, {8});
  o.log.reset();
  EXPECT_TRUE(is_model(open()));
}

TEST_F(oplog_test, a_closed_log_takes_no_appends) {
  auto o = open();
  append(*o.log, {8});
  o.log->close();
  o.log->close();
  EXPECT_THROW(o.log->append(next_commits({8})), error);
  o.log.reset();
  o = open();
  EXPECT_TRUE(is_model(o));
  append(*o.log, {8});
  EXPECT_FALSE(posix_file_system().exists(folder_ / "seal"));
  o.log.reset();
  EXPECT_TRUE(is_model(open()));
}

// Thousands of indexes that nobody writes to start and stop at once.
TEST_F(oplog_test, a_log_that_nobody_writes_to_costs_no_write) {
  const auto writes = [&] {
    return fs_.num_operations(fs_operation::write) + fs_.num_operations(fs_operation::sync) +
           fs_.num_operations(fs_operation::create) + fs_.num_operations(fs_operation::rename);
  };
  open().log->close();
  EXPECT_EQ(writes(), 0u) << "a new one";
  EXPECT_TRUE(test::read_folder(folder_.path()).empty());
  auto o = open();
  append(*o.log, {8});
  o.log->close();
  o.log.reset();
  const auto before = test::read_folder(folder_.path());
  fs_.reset_counts();
  for (int i = 0; i < 2; i++) {
    o = open();
    EXPECT_TRUE(is_model(o));
    o.log->close();
  }
  EXPECT_EQ(writes(), 0u) << "a closed one";
  EXPECT_EQ(test::read_folder(folder_.path()), before);
  // Without a clean end it is the log of a killed process.
  o = open();
  append(*o.log, {8});
  o.log.reset();
  fs_.reset_counts();
  EXPECT_TRUE(is_model(open()));
  EXPECT_GT(writes(), 0u);
}

TEST_F(oplog_test, an_empty_log_begins_after_the_given_commit) {
  auto o = open(41);
  EXPECT_EQ(o.log->last_commit(), 41u);
  EXPECT_FALSE(o.report.ends_early_at);
  o.log->close();
  o.log.reset();
  EXPECT_EQ(open_error(40).code(), errc::corrupt_data);
  o = open(41);
  model_.resize(41);
  append(*o.log, {8, 12});
  o.log.reset();
  EXPECT_TRUE(is_model(open(41), 41));
  EXPECT_EQ(open_error(40).code(), errc::corrupt_data);
}

TEST_F(oplog_test, a_log_that_ends_early_goes_on_after_the_given_commit) {
  {
    auto o = open();
    append(*o.log, {8, 12});
    append(*o.log, {16});
  }
  auto o = open(10);
  EXPECT_TRUE(o.commits.empty());
  EXPECT_EQ(o.log->last_commit(), 10u);
  EXPECT_EQ(o.report.ends_early_at, 3u);
  o.log->close();
  o = open(10);
  model_.resize(10);
  append(*o.log, {20});
  EXPECT_EQ(log_names().size(), 2u);
  o.log.reset();
  EXPECT_TRUE(is_model(open(10), 10));
  const error e = open_error(9);
  EXPECT_EQ(e.code(), errc::corrupt_data);
  EXPECT_NE(std::string(e.what()).find("nothing between commits 9 and 10"), std::string::npos) << e.what();
  o = open(10);
  o.log->truncate(10);
  EXPECT_EQ(log_names(), std::vector<std::string>{oplog_format::file_name(11)});
}

TEST_F(oplog_test, can_be_cancelled_and_interrupted_without_change) {
  {
    auto o = open();
    append(*o.log, {8});
    append(*o.log, {12});
    o.log->close();
  }
  const auto before = test::read_folder(folder_.path());
  cancel_flag cancel = true;
  try {
    open(0, &cancel);
    ADD_FAILURE() << "opened";
  } catch (const error& e) {
    EXPECT_EQ(e.code(), errc::cancelled);
  }
  EXPECT_EQ(test::read_folder(folder_.path()), before);
  oplog_replay report;
  EXPECT_THROW(oplog::open(
                   fs_, folder_.path(), options_, 0, [](commit&&) { throw std::runtime_error("enough"); }, report),
               std::runtime_error);
  EXPECT_EQ(test::read_folder(folder_.path()), before);
  EXPECT_TRUE(is_model(open()));
}

TEST_F(oplog_test, ignores_other_files_and_removes_temporary_ones) {
  auto o = open();
  append(*o.log, {8});
  o.log.reset();
  posix_file_system().create(folder_ / "seal.tmp");
  posix_file_system().create(folder_ / "notes.txt");
  EXPECT_TRUE(is_model(open()));
  EXPECT_FALSE(posix_file_system().exists(folder_ / "seal.tmp"));
  EXPECT_TRUE(posix_file_system().exists(folder_ / "notes.txt"));
}

}  // namespace
}  // namespace fp
