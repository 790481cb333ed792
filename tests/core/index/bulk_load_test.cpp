#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "core/backup/backup_restorer.hpp"
#include "core/backup/backup_writer.hpp"
#include "tests/core/support/backup_streams.hpp"
#include "tests/core/support/bulk_load.hpp"
#include "tests/core/support/error_of.hpp"
#include "tests/core/support/index_difference.hpp"
#include "tests/core/support/volatile_file_system.hpp"

/// Indexes of which one version is more than fits into a segment: several segments that share a commit.
namespace fp {
namespace {

using test::error_of;
using test::naive_index;
using test::random_data;
using test::volatile_file_system;

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

TEST(bulk_load, segments_that_share_a_commit_are_an_index_like_any_other) {
  for (uint64_t seed = 1; seed <= 60; seed++) {
    SCOPED_TRACE(seed);
    cut_history h(seed, seed % 3 == 0 ? 0 : seed);
    snapshot_ptr grown = std::make_shared<const snapshot>();
    for (const auto& s : h.segments) grown = grown->with_added(s);
    ASSERT_EQ(test::difference(*grown, h.model), "");
    snapshot_ptr s = snapshot::from_segments(h.segments);
    ASSERT_EQ(test::difference(*s, h.model), "");
    while (s->entries().size() > 1) {
      const size_t first = h.data.below(s->entries().size());
      const size_t count = 1 + h.data.below(s->entries().size() - first);
      s = s->with_replaced(first, count, merge_to_memory(*s, first, count));
      ASSERT_EQ(test::difference(*s, h.model), "");
      if (count == 1) s = s->with_replaced(0, 2, merge_to_memory(*s, 0, 2));
    }
    ASSERT_EQ(test::difference(*s, h.model), "");
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
    EXPECT_EQ(test::difference(*snapshot::from_segments(opened), h.model), "");

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

}  // namespace
}  // namespace fp
