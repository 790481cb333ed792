#include <algorithm>

#include "core/oplog/log_replayer.hpp"

#include "core/oplog/oplog_format.hpp"
#include "tests/core/oplog/log_fixture.hpp"
#include "tests/core/support/error_of.hpp"

namespace fp {
namespace {

class log_replayer_test : public test::log_fixture {
 protected:
  /// All that a replay tells: commits, and how it ended.
  std::string replay(commit_id after, size_t slice_bytes) {
    std::string text;
    log_replayer found(fs_, folder_.path(), after, nullptr, slice_bytes);
    log_slice slice;
    try {
      while (found.next(slice)) {
        EXPECT_FALSE(slice.commits.empty());
        for (const auto& c : slice.commits) {
          text += std::to_string(c.id) + ":" + std::string(c.changes.begin(), c.changes.end()) + "\n";
        }
      }
    } catch (const error& e) {
      return text + std::string(to_string(e.code())) + " " + e.what();
    }
    EXPECT_EQ(found.num_delivered, std::max(found.end, after) - after);
    for (const auto& f : found.files) text += std::to_string(f.begin) + " " + std::to_string(f.bytes) + "\n";
    text += std::string(reinterpret_cast<const char*>(found.last_write.data()), found.last_write.size());
    return text + std::to_string(found.last_write_offset) + " " + std::to_string(found.torn_bytes) + " " +
           std::to_string(found.end) + (found.newest_is_torn_whole ? " whole" : "");
  }

  void write_random_log() {
    options_.max_file_bytes = 4'000;
    auto o = open();
    for (uint64_t n = 5 + random_() % 30; n > 0; n--) {
      if (random_() % 3 == 0) {
        append(*o.log, {random_() % 200, 0, random_() % 1'500});
      } else {
        append(*o.log, {random_() % 1'500});
      }
    }
    if (random_() % 3 == 0) o.log->close();
  }

  /// Cuts a file, or changes a few of its bytes.
  void damage(const path& file) {
    const auto out = posix_file_system().open_for_writing(file);
    const auto size = out->size();
    if (random_() % 2 == 0) {
      out->truncate(random_() % size);
      return;
    }
    const std::vector<std::byte> bytes(1 + random_() % 600, std::byte{static_cast<uint8_t>(random_() % 2 * 255)});
    const auto at = random_() % size;
    out->write_at(at, std::span(bytes).first(std::min<uint64_t>(bytes.size(), size - at)));
  }
};

TEST_F(log_replayer_test, the_size_of_slices_changes_nothing) {
  for (int round = 0; round < 60; round++) {
    for (const auto& name : posix_file_system().list(folder_.path())) posix_file_system().remove(folder_ / name);
    model_.clear();
    write_random_log();
    const auto names = log_names();
    if (round % 3 > 0) damage(folder_ / (round % 3 == 1 ? names.back() : names[random_() % names.size()]));
    for (const commit_id after : {commit_id{0}, commit_id{random_() % model_.size()}, model_.size() + 2}) {
      const auto whole = replay(after, size_t{1} << 30);
      for (const size_t slice_bytes : {1u, 32u, 33u, 100u, 1'000u, 2'500u}) {
        ASSERT_EQ(replay(after, slice_bytes), whole) << "slices of " << slice_bytes << ", after " << after;
      }
    }
  }
}

TEST_F(log_replayer_test, a_slice_ends_with_a_frame_and_is_no_larger_than_asked_for) {
  {
    auto o = open();
    for (int i = 0; i < 20; i++) append(*o.log, {400, 400});
    append(*o.log, {50'000});
    append(*o.log, {4});
  }
  log_replayer found(fs_, folder_.path(), 0, nullptr, 3'000);
  log_slice slice;
  std::vector<size_t> sizes;
  while (found.next(slice)) {
    sizes.push_back(slice.commits.size());
    EXPECT_LE(slice.bytes.bytes().size(), slice.commits.front().id > 40 ? 51'000u : 3'000u);
    EXPECT_EQ(slice.frames.front().before + 1, slice.commits.front().id);
  }
  EXPECT_EQ(sizes, (std::vector<size_t>{6, 6, 6, 6, 6, 6, 4, 1, 1}));
}

TEST_F(log_replayer_test, what_was_good_is_handed_out_before_damage_is_told) {
  {
    auto o = open();
    for (int i = 0; i < 5; i++) append(*o.log, {400});
  }
  const auto file = folder_ / log_names().at(0);
  const auto third = oplog_format::file_header_bytes + 2 * 448;
  const std::vector<std::byte> bytes(1, std::byte{0});
  posix_file_system().open_for_writing(file)->write_at(third + 60, bytes);
  log_replayer found(fs_, folder_.path(), 0, nullptr);
  log_slice slice;
  ASSERT_TRUE(found.next(slice));
  EXPECT_EQ(slice.commits.size(), 2u);
  EXPECT_EQ(found.good_bytes, third);
  EXPECT_EQ(found.num_delivered, 2u);
  EXPECT_EQ(test::error_of([&] { found.next(slice); }).code(), errc::corrupt_data);
}

TEST_F(log_replayer_test, an_inspection_names_the_frame_that_its_visitor_refuses) {
  {
    auto o = open();
    for (int i = 0; i < 4; i++) append(*o.log, {400, 400});
  }
  const uint64_t frame_bytes = 864;
  const auto seen = inspect_oplog(fs_, folder_.path(), 0, [](const commit_view& c, const path&, uint64_t) {
    if (c.id == 6) throw error(errc::corrupt_data, "no");
  });
  ASSERT_TRUE(seen.first);
  EXPECT_EQ(seen.first->offset, oplog_format::file_header_bytes + 2 * frame_bytes);
  EXPECT_EQ(seen.good_bytes, seen.first->offset);
  EXPECT_EQ(seen.last_commit, 4u);
  EXPECT_FALSE(seen.files.at(0).reached);
}

}  // namespace
}  // namespace fp
