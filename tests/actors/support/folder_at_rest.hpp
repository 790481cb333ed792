#pragma once

#include <gtest/gtest.h>

#include <string_view>
#include <utility>
#include <vector>

#include "tests/actors/support/acting_node.hpp"
#include "tests/core/support/index_difference.hpp"
#include "tests/core/support/naive_index.hpp"
#include "tests/core/support/volatile_file_system.hpp"

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

  acting_options options() const {
    acting_options all{.settings = settings_at_rest()};
    if (ids_ == versions::jump) all.next_version = jump_behind;
    return all;
  }
  static void create_both(acting_node& node) {
    node.create("main");
    node.create("other");
  }
  /// Both indexes; "main" with two segments and a log of several files.
  void fill(acting_node& node) {
    create_both(node);
    for (int i = 0; i < 2; i++) {
      update(node, 2);
      node.checkpoint("main");
    }
    for (int i = 0; i < 4; i++) update(node, 1);
  }
  /// Writes `count` commits to "main" at once.
  void update(acting_node& node, size_t count) {
    std::vector<commit> commits;
    for (size_t i = 0; i < count; i++) {
      const commit_id version = models_.back().version();
      const commit_id next = ids_ == versions::jump ? jump_behind(version) : version + 1;
      commits.push_back(data_.random_commit(version, next, 12, 20));
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
