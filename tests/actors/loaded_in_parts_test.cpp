#include <gtest/gtest.h>

#include "core/check/check.hpp"
#include "core/check/repair.hpp"
#include "tests/actors/support/acting_node.hpp"
#include "tests/core/support/bulk_load.hpp"
#include "tests/core/support/index_difference.hpp"
#include "tests/core/support/volatile_file_system.hpp"

namespace fp {
namespace {

using test::acting_node;
using test::naive_index;
using test::random_data;
using test::volatile_file_system;

/// A node whose index was loaded in parts, which goes on with commits of its own.
class loaded_in_parts : public ::testing::TestWithParam<commit_id> {
 protected:
  loaded_in_parts() {
    random_data data(GetParam() + 5);
    std::vector<commit> parts;
    for (int i = 0; i < 4; i++) {
      parts.push_back(data.random_commit(0, GetParam(), 20, 20));
      model_.apply(parts.back());
    }
    {
      acting_node node(fs_, root);
      node.create("main");
      folders_ = node.at("main").folders;
      node.close();
    }
    test::write_index(fs_, folders_.data, test::load_in_parts(parts));
  }

  /// Merges two files at a time until two are left, parts or not.
  static test::acting_options options() {
    config settings = test::settings_at_rest();
    settings.merge = {.min_segment_size = 1,
                      .max_segment_size = 100'000,
                      .segments_per_level = 2,
                      .segments_per_merge = 2,
                      .max_segments = 3};
    return {.settings = settings, .next_version = test::jump_behind};
  }
  void update(acting_node& node) {
    const commit_id version = model_.version();
    const commit next = data_.random_commit(version, test::jump_behind(version), 8, 8);
    node.update("main", {next});
    model_.apply(next);
  }
  std::vector<std::string> segment_files() {
    auto names = fs_.list(folders_.data);
    std::erase_if(names, [](const std::string& name) { return !name.ends_with(".seg"); });
    return names;
  }

  const path root = "/node/data";
  volatile_file_system fs_;
  index_folders folders_;
  naive_index model_;
  random_data data_{17};
};

TEST_P(loaded_in_parts, is_served_and_goes_on) {
  for (int round = 0; round < 4; round++) {
    acting_node node(fs_, root, options());
    ASSERT_EQ(test::difference(*node.at("main").current, model_), "");
    if (round == 0) {
      EXPECT_LT(segment_files().size(), 4u) << "no parts were merged";
    }
    update(node);
    if (round == 1) node.checkpoint("main");
    if (round > 1) node.merge("main");
    update(node);
    ASSERT_EQ(test::difference(*node.at("main").current, model_), "");
    const std::string copy = "copy" + std::to_string(round);
    node.restore(copy, node.backup("main").bytes);
    EXPECT_EQ(test::difference(*node.at(copy).current, model_), "");
    if (round % 2 == 0) node.close();
  }
  EXPECT_FALSE(check_data_folder(fs_, root).is_damaged());
}

TEST_P(loaded_in_parts, a_missing_part_is_noticed_and_can_be_given_up) {
  const volatile_file_system pristine(fs_);
  const auto names = segment_files();
  ASSERT_EQ(names.size(), 4u);
  for (const std::string& gone : names) {
    SCOPED_TRACE(gone);
    volatile_file_system fs(pristine);
    fs.remove(folders_.data / gone);
    EXPECT_TRUE(check_data_folder(fs, root).is_damaged());
    EXPECT_NE(acting_node(fs, root).at("main").failure.find(gone), std::string::npos);
    drop_segment(fs, root, "main", gone);
    EXPECT_FALSE(check_data_folder(fs, root).is_damaged());
    acting_node node(fs, root);
    ASSERT_EQ(node.at("main").failure, "");
    EXPECT_EQ(node.at("main").current->version(), model_.version());
  }
}

/// Version 0 is what a feed may begin with.
INSTANTIATE_TEST_SUITE_P(versions, loaded_in_parts, testing::Values(0, 1, 1000));

}  // namespace
}  // namespace fp
