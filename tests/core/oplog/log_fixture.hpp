#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "core/base/error.hpp"
#include "core/oplog/oplog.hpp"
#include "tests/core/support/faulty_file_system.hpp"
#include "tests/core/support/folder_contents.hpp"
#include "tests/core/support/temporary_folder.hpp"

namespace fp::test {

/// A log in a temporary folder, and what it must hold.
class log_fixture : public ::testing::Test {
 protected:
  struct opened {
    std::unique_ptr<oplog> log;
    std::vector<commit> commits;
    oplog_replay report;
  };

  opened open(commit_id after = 0, const cancel_flag* cancel = nullptr) {
    opened o;
    o.log = oplog::open(
        fs_, folder_.path(), options_, after, [&](commit&& c) { o.commits.push_back(std::move(c)); }, o.report,
        cancel);
    EXPECT_EQ(o.report.num_commits, o.commits.size());
    EXPECT_EQ(o.report.last_commit, o.log->last_commit());
    EXPECT_EQ(o.report.num_bytes, o.log->num_bytes());
    return o;
  }

  /// The code and text with which opening fails.
  error open_error(commit_id after = 0) {
    try {
      open(after);
    } catch (const error& e) {
      return e;
    }
    ADD_FAILURE() << "opened";
    return error(errc::internal_error, "");
  }

  static changes_ptr make_changes(std::vector<uint8_t> bytes) {
    return std::make_shared<const std::vector<uint8_t>>(std::move(bytes));
  }

  static commit make_commit(commit_id id, changes_ptr changes) { return {id - 1, id, std::move(changes)}; }

  /// Bytes without zeros, so that no sector of them is blank.
  changes_ptr random_changes(size_t bytes) {
    std::vector<uint8_t> changes(bytes / 4 * 4);
    for (auto& b : changes) b = static_cast<uint8_t>(1 + random_() % 255);
    return make_changes(std::move(changes));
  }

  /// Commits behind those of the model, not yet in it.
  std::vector<commit> next_commits(std::initializer_list<size_t> sizes) {
    std::vector<commit> commits;
    for (const size_t bytes : sizes)
      commits.push_back(make_commit(model_.size() + commits.size() + 1, random_changes(bytes)));
    return commits;
  }

  void append(oplog& log, const std::vector<commit>& commits) {
    log.append(commits);
    for (const commit& c : commits) model_.push_back(c.changes);
  }
  void append(oplog& log, std::initializer_list<size_t> sizes) { append(log, next_commits(sizes)); }

  /// Whether commits are the model's from `after + 1` on, in order; how far they reach is up to the caller.
  ::testing::AssertionResult are_from_model(const std::vector<commit>& commits, commit_id after = 0) const {
    for (size_t i = 0; i < commits.size(); i++) {
      const commit_id id = after + 1 + i;
      if (commits[i].id != id || commits[i].previous != id - 1) {
        return ::testing::AssertionFailure() << "commit " << commits[i].id << " for " << id;
      }
      if (id > model_.size() || *commits[i].changes != *model_[id - 1]) {
        return ::testing::AssertionFailure() << "commit " << id << " differs";
      }
    }
    return ::testing::AssertionSuccess();
  }

  ::testing::AssertionResult is_model(const opened& o, commit_id after = 0) const {
    if (o.commits.size() != model_.size() - after || o.log->last_commit() != model_.size()) {
      return ::testing::AssertionFailure() << o.commits.size() << " commits up to " << o.log->last_commit()
                                           << "; expected those from " << after + 1 << " to " << model_.size();
    }
    return are_from_model(o.commits, after);
  }

  std::vector<std::string> log_names() {
    auto names = posix_file_system().list(folder_.path());
    std::erase_if(names, [](const std::string& name) { return !name.ends_with(".log"); });
    return names;
  }

  temporary_folder folder_;
  faulty_file_system fs_{posix_file_system()};
  oplog_options options_;
  std::vector<changes_ptr> model_;  // of commit i + 1
  std::mt19937 random_{20240607};
};

}  // namespace fp::test
