#include <gmock/gmock.h>

#include <algorithm>

#include "core/check/check.hpp"
#include "core/check/repair.hpp"
#include "core/check/segment_scrubber.hpp"
#include "core/oplog/oplog_format.hpp"
#include "tests/actors/support/folder_at_rest.hpp"

namespace fp {
namespace {

using test::acting_node;
using test::naive_index;
using test::volatile_file_system;

/// An index of two segments and a log of several files, whose versions jump.
class check_of_jumping_versions : public test::folder_at_rest {
 protected:
  check_of_jumping_versions() : folder_at_rest("/node/data", 23, versions::jump) {
    acting_node node(fs_, root, options());
    create_both(node);
    for (int i = 0; i < 2; i++) {
      update(node, 2);
      node.checkpoint("main");
    }
    for (int i = 0; i < 4; i++) update(node, 2);
    if (models_.back().version() == models_.size() - 1) throw std::logic_error("no jumps");
  }

  const naive_index& model_of(commit_id version) {
    const auto model = std::ranges::find(models_, version, &naive_index::version);
    if (model == models_.end()) throw std::logic_error("no version " + std::to_string(version));
    return *model;
  }
};

TEST_F(check_of_jumping_versions, finds_a_good_folder_good) {
  const check_report report = check_data_folder(fs_, root);
  EXPECT_FALSE(report.is_damaged());
  EXPECT_EQ(report.indexes.at(0).version, models_.back().version());
}

TEST_F(check_of_jumping_versions, a_cut_log_keeps_what_is_before) {
  const volatile_file_system pristine(fs_);
  const auto logs = files_in(folders_.oplog, ".log");
  ASSERT_GE(logs.size(), 2u);
  size_t num_cut = 0;
  for (const path& log : logs) {
    for (uint64_t at = 0; at < pristine.contents_of(log).size(); at += 37) {
      volatile_file_system fs(pristine);
      std::string text = read_file(fs, log);
      text[at] = static_cast<char>(text[at] ^ 4);
      fs.create(log)->write_at(0, std::as_bytes(std::span(text)));
      if (!check_data_folder(fs, root).is_damaged()) continue;
      num_cut++;
      const repair_report report = cut_log(fs, root, "main");
      EXPECT_FALSE(check_data_folder(fs, root).is_damaged());
      acting_node node(fs, root, options());
      const commit_id version = node.at("main").current->version();
      ASSERT_EQ(test::difference(*node.at("main").current, model_of(version)), "");
      ASSERT_LT(version, models_.back().version());
      EXPECT_EQ(report.first_lost, version + 1);
      EXPECT_LE(report.last_lost, models_.back().version()) << "a damaged id was believed";
      // Whatever is readable behind the damage says how far versions went.
      if (log != logs.back()) {
        EXPECT_EQ(report.last_lost, models_.back().version());
      }
      node.update("main", {test::make_commit_behind(version, test::jump_behind(version), {{5, {1, 2}}})});
    }
  }
  EXPECT_GT(num_cut, 20u);
}

TEST_F(check_of_jumping_versions, a_dropped_segment_keeps_its_place) {
  for (const path& file : files_in(folders_.data, ".seg")) {
    fs_.remove(file);
    EXPECT_TRUE(check_data_folder(fs_, root).is_damaged());
    const auto report = drop_segment(fs_, root, "main", file.filename().string());
    EXPECT_GT(report.last_lost, report.first_lost);
    EXPECT_FALSE(check_data_folder(fs_, root).is_damaged());
    acting_node node(fs_, root, options());
    EXPECT_EQ(node.at("main").failure, "");
    EXPECT_EQ(node.at("main").current->version(), models_.back().version());
  }
}

TEST_F(check_of_jumping_versions, a_missing_file_of_the_log_is_damage) {
  const volatile_file_system pristine(fs_);
  const auto logs = files_in(folders_.oplog, ".log");
  const commit_id in_segments = read_manifest(fs_, folders_.data).segments.back().info.last_commit;
  size_t num_needed = 0;
  for (size_t i = 0; i + 1 < logs.size(); i++) {
    if (*oplog_format::parse_file_name(logs[i + 1].filename().string()) <= in_segments + 1) continue;
    num_needed++;
    volatile_file_system fs(pristine);
    fs.remove(logs[i]);
    EXPECT_TRUE(check_data_folder(fs, root).is_damaged()) << logs[i];
    EXPECT_NE(acting_node(fs, root, options()).at("main").failure, "") << logs[i];
  }
  EXPECT_GT(num_needed, 0u);
}

}  // namespace
}  // namespace fp
