#pragma once

#include <gtest/gtest.h>

#include <string_view>
#include <utility>
#include <vector>

#include "tests/core/faults/history.hpp"

namespace fp::test {

/// A data folder in memory that a node of two indexes, "main" and "other", has left; what "main" held behind each
/// commit.
class folder_at_rest : public testing::Test {
 protected:
  enum class versions { count, jump };
  folder_at_rest(path where, uint32_t seed, versions ids = versions::count)
      : root(std::move(where)), data_(seed), ids_(ids) {
    models_.emplace_back();
  }

  static void create_both(driven_node& node) {
    node.create("main");
    node.create("other");
  }
  /// Both indexes; "main" with two segments and a log of several files.
  void fill(driven_node& node) {
    create_both(node);
    for (int i = 0; i < 2; i++) {
      update(node, 2);
      node.checkpoint("main");
    }
    for (int i = 0; i < 4; i++) update(node, 1);
  }
  /// Writes `count` commits to "main" at once.
  void update(driven_node& node, size_t count) {
    std::vector<commit> commits;
    for (size_t i = 0; i < count; i++) {
      const commit_id version = models_.back().version();
      commits.push_back(ids_ == versions::jump ? data_.commit_behind(version, 12, 20)
                                               : data_.next_commit(version + 1, 12, 20));
      models_.push_back(models_.back());
      models_.back().apply(commits.back());
    }
    node.update("main", commits);
    folders_ = node.at("main").folders;
  }
  std::vector<path> files_in(const path& folder, std::string_view suffix) {
    std::vector<path> files;
    for (const std::string& name : fs_.list(folder)) {
      if (name.ends_with(suffix)) files.push_back(folder / name);
    }
    return files;
  }

  const path root;
  volatile_file_system fs_;
  std::vector<naive_index> models_;  ///< by version, where those count
  index_folders folders_;            ///< of "main"

 private:
  random_data data_;
  versions ids_;
};

}  // namespace fp::test
