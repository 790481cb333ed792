#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "core/backup/backup_restorer.hpp"
#include "core/check/check.hpp"
#include "core/check/repair.hpp"
#include "tests/core/faults/history.hpp"
#include "tests/core/support/backup_streams.hpp"
#include "tests/core/support/bulk_load.hpp"
#include "tests/core/support/error_of.hpp"

/// Indexes of which one version is more than fits into a segment: several segments that share a commit.
namespace fp {
namespace {

using test::driven_node;
using test::error_of;
using test::naive_index;
using test::random_data;
using test::volatile_file_system;

const path root = "/node/data";

/// A random history, some commits of which come in parts, as segments that begin and end anywhere in it.
struct cut_history {
  explicit cut_history(uint64_t seed, commit_id bulk_version = 1) : data(seed) {
    add_parts(0, bulk_version);
    for (uint64_t i = 2 + data.below(6); i > 0; i--) {
      if (data.chance(50)) {
        add_parts(model.version(), data.version_behind(model.version()));
      } else {
        add_whole();
      }
    }
    end_segment(0);
  }

  random_data data;
  naive_index model;
  std::vector<segment_ptr> segments;

 private:
  void add(commit_id previous, commit_id id) {
    open_.push_back(data.random_commit(previous, id, 12, 20));
    model.apply(open_.back());
  }
  void add_whole() {
    add(model.version(), data.version_behind(model.version()));
    if (data.chance(50)) end_segment(0);
  }
  /// Each cut ends a segment; what is before the first one and behind the last may share theirs with others.
  void add_parts(commit_id previous, commit_id id) {
    const auto count = static_cast<uint32_t>(1 + data.below(5));
    for (uint32_t part = 1; part < count; part++) {
      add(previous, id);
      end_segment(part);
    }
    add(previous, id);
    if (data.chance(50)) end_segment(0);
  }
  void end_segment(uint32_t last_part) {
    if (open_.empty()) return;
    segments.push_back(build_memory_segment(open_, {.first_part = first_part_, .last_part = last_part}));
    open_.clear();
    first_part_ = last_part;
  }

  std::vector<commit> open_;
  uint32_t first_part_ = 0;
};

/// What an index serves, but for how it is stored.
std::string difference(const snapshot_ptr& found, const naive_index& expected) {
  driven_node::index index;
  index.current = found;
  return test::difference(index, expected);
}

TEST(bulk_load, segments_that_share_a_commit_are_an_index_like_any_other) {
  for (uint64_t seed = 1; seed <= 60; seed++) {
    SCOPED_TRACE(seed);
    cut_history h(seed, seed % 3 == 0 ? 0 : seed);
    snapshot_ptr grown = std::make_shared<const snapshot>();
    for (const auto& s : h.segments) grown = grown->with_added(s);
    ASSERT_EQ(difference(grown, h.model), "");
    snapshot_ptr s = snapshot::from_segments(h.segments);
    ASSERT_EQ(difference(s, h.model), "");
    while (s->entries().size() > 1) {
      const size_t first = h.data.below(s->entries().size());
      const size_t count = 1 + h.data.below(s->entries().size() - first);
      s = s->with_replaced(first, count, merge_to_memory(*s, first, count));
      ASSERT_EQ(difference(s, h.model), "");
      if (count == 1) s = s->with_replaced(0, 2, merge_to_memory(*s, 0, 2));
    }
    ASSERT_EQ(difference(s, h.model), "");
    const commit_range range = s->entries()[0].segment->info().commits();
    EXPECT_EQ(range, joined(h.segments.front()->info().commits(), h.segments.back()->info().commits()));
    EXPECT_TRUE(range.ends_whole());
  }
}

TEST(bulk_load, a_segment_that_is_missing_doubled_or_misplaced_is_noticed) {
  size_t num_parts = 0;
  for (uint64_t seed = 1; seed <= 60; seed++) {
    SCOPED_TRACE(seed);
    const cut_history h(seed, seed % 3 == 0 ? 0 : seed);
    const auto is_refused = [&](const std::vector<segment_ptr>& segments) {
      return error_of([&] { snapshot::from_segments(segments); }).code() == errc::corrupt_data;
    };
    for (size_t i = 0; i < h.segments.size(); i++) {
      num_parts += !h.segments[i]->info().commits().ends_whole();
      auto changed = h.segments;
      changed.insert(changed.begin() + static_cast<long>(i), changed[i]);
      EXPECT_TRUE(is_refused(changed)) << i << " twice";
      for (size_t other = 0; other < i; other++) {
        changed = h.segments;
        std::swap(changed[i], changed[other]);
        EXPECT_TRUE(is_refused(changed)) << i << " and " << other;
      }
      if (i == 0 || i + 1 == h.segments.size()) continue;
      changed = h.segments;
      changed.erase(changed.begin() + static_cast<long>(i));
      EXPECT_TRUE(is_refused(changed)) << "without " << i;
    }
  }
  EXPECT_GT(num_parts, 100u);
}

TEST(bulk_load, manifests_and_backups_hold_them) {
  for (uint64_t seed = 1; seed <= 20; seed++) {
    SCOPED_TRACE(seed);
    const cut_history h(seed, seed % 3 == 0 ? 0 : seed);
    volatile_file_system fs;
    fs.create_directories("/written");
    test::write_index(fs, "/written", h.segments);
    const manifest written = read_manifest(fs, "/written");
    std::vector<std::string> names;
    for (const auto& entry : written.segments) names.push_back(entry.file_name);
    EXPECT_EQ(std::set(names.begin(), names.end()).size(), names.size());
    EXPECT_TRUE(std::ranges::is_sorted(names)) << "names sort by history";

    const auto from = snapshot::from_segments(h.segments);
    backup_writer writer(from, "main", 1);
    const auto stream = test::read_all(writer);
    const index_folders target{"/restored/data", "/restored/oplog"};
    fs.create_directories(target.data);
    fs.create_directories(target.oplog);
    backup_restorer restorer(fs, target);
    EXPECT_EQ(test::feed(restorer, stream).index_version, h.model.version());
    const manifest restored = read_manifest(fs, target.data);
    ASSERT_EQ(restored.segments.size(), h.segments.size());
    std::vector<segment_ptr> opened;
    for (const auto& [name, info] : restored.segments)
      opened.push_back(open_segment(fs, target.data / name, &info));
    EXPECT_EQ(difference(snapshot::from_segments(opened), h.model), "");

    // Without its end the last commit would be served in parts.
    if (h.segments.size() < 2 || h.segments[h.segments.size() - 2]->info().commits().ends_whole()) continue;
    manifest cut = written;
    cut.segments.pop_back();
    EXPECT_THROW(write_manifest(fs, "/written", cut), error);
    auto incomplete = h.segments;
    incomplete.pop_back();
    backup_writer cut_writer(snapshot::from_segments(incomplete), "main", 1);
    const auto cut_stream = test::read_all(cut_writer);
    backup_reader reader;
    EXPECT_EQ(error_of([&] { test::feed(reader, cut_stream); }).code(), errc::corrupt_data);
  }
}

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
      driven_node node(fs_, root);
      node.create("main");
      folders_ = node.at("main").folders;
      node.close();
    }
    test::write_index(fs_, folders_.data, test::load_in_parts(parts));
  }

  void update(driven_node& node) {
    const commit next = data_.commit_behind(model_.version(), 8, 8);
    node.update("main", {next});
    model_.apply(next);
  }
  std::vector<std::string> segment_files() {
    auto names = fs_.list(folders_.data);
    std::erase_if(names, [](const std::string& name) { return !name.ends_with(".seg"); });
    return names;
  }

  volatile_file_system fs_;
  index_folders folders_;
  naive_index model_;
  random_data data_{17};
};

TEST_P(loaded_in_parts, is_served_and_goes_on) {
  for (int round = 0; round < 4; round++) {
    driven_node node(fs_, root);
    ASSERT_EQ(test::difference(node.at("main"), model_), "");
    update(node);
    if (round > 0) node.checkpoint("main");
    node.merge_files("main", round == 0 ? 1 : 0, 2);
    update(node);
    ASSERT_EQ(test::difference(node.at("main"), model_), "");
    const auto backup = node.backup("main");
    const std::string copy = "copy" + std::to_string(round);
    node.restore(copy, backup);
    EXPECT_EQ(test::difference(node.at(copy), model_), "");
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
    EXPECT_NE(driven_node(fs, root).at("main").failure.find(gone), std::string::npos);
    drop_segment(fs, root, "main", gone);
    EXPECT_FALSE(check_data_folder(fs, root).is_damaged());
    driven_node node(fs, root);
    EXPECT_EQ(node.at("main").failure, "");
    EXPECT_EQ(node.at("main").current->version(), model_.version());
  }
}

/// Version 0 is what a feed may begin with.
INSTANTIATE_TEST_SUITE_P(versions, loaded_in_parts, testing::Values(0, 1, 1000));

}  // namespace
}  // namespace fp
