#include "core/changelog/completed_base.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

#include "core/backup/backup_restorer.hpp"
#include "core/backup/backup_writer.hpp"
#include "tests/core/support/commits.hpp"
#include "tests/core/support/error_of.hpp"
#include "tests/core/support/temporary_folder.hpp"

namespace fp {
namespace {

using byte_list = std::vector<std::byte>;

byte_list all_of(backup_writer& writer) {
  byte_list bytes;
  while (!writer.at_end()) {
    const auto chunk = writer.next();
    bytes.insert(bytes.end(), chunk.begin(), chunk.end());
  }
  return bytes;
}

class bytes_stream final : public base_stream {
 public:
  explicit bytes_stream(byte_list bytes) : bytes_(std::move(bytes)) {}
  size_t read(std::span<std::byte> out, std::chrono::steady_clock::time_point) override {
    const size_t count = std::min({out.size(), bytes_.size() - at_, size_t{1000}});
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(at_), count, out.begin());
    at_ += count;
    return count;
  }

 private:
  byte_list bytes_;
  size_t at_ = 0;
};

byte_list read_all(base_stream& from, size_t piece) {
  byte_list all, buffer(piece);
  while (const size_t count = from.read(buffer, std::chrono::steady_clock::time_point::max())) {
    all.insert(all.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(count));
  }
  return all;
}

class completed_base_test : public ::testing::Test {
 protected:
  completed_base_test() {
    std::vector<segment_ptr> segments;
    for (commit_id id = 1; id <= 5; id++) {
      changes_encoder changes;
      for (document_id d = 1; d <= 200 * id; d++) {
        changes.insert(static_cast<document_id>(id * 10'000 + d), std::vector<hash_value>{d, d * 77});
      }
      segments.push_back(test::make_segment(test::make_commit(id, changes)));
    }
    index_ = snapshot::from_segments(segments);
    backup_writer writer(index_, "a", 3, 700);
    whole_ = all_of(writer);
  }
  /// Restores the first bytes of it, and puts what is whole aside.
  void break_off_after(size_t count) {
    const index_folders to{folder_.path() / "data", folder_.path() / "oplog"};
    fs_.create_directories(to.data);
    backup_restorer restorer(fs_, to);
    restorer.update(std::span(whole_).first(count));
    restorer.move_segments(held_folder());
  }
  path held_folder() const { return folder_.path() / "held"; }
  byte_list rest(const held_segments& held) {
    backup_writer writer(index_, "a", 3, 700, held.ids());
    EXPECT_EQ(writer.total_bytes(), whole_.size());
    return all_of(writer);
  }

  test::temporary_folder folder_;
  file_system& fs_ = posix_file_system();
  snapshot_ptr index_;
  byte_list whole_;
};

TEST_F(completed_base_test, the_rest_and_what_is_held_are_the_whole) {
  for (size_t at = 1; at < 8; at++) {
    for (const size_t piece : {size_t{13}, size_t{5'000}, whole_.size()}) {
      break_off_after(whole_.size() * at / 8);
      held_segments held(fs_, held_folder());
      uint64_t held_bytes = 0;
      for (const auto id : held.ids()) held_bytes += held.num_bytes(id) - segment_header_bytes;
      const auto sent = rest(held);
      EXPECT_EQ(sent.size() + held_bytes, whole_.size());
      completed_base base(std::make_unique<bytes_stream>(sent), held);
      EXPECT_EQ(read_all(base, piece), whole_);
      EXPECT_TRUE(held.ids().empty()) << "what has been read takes no room";
      EXPECT_TRUE(held_segments(fs_, held_folder()).ids().empty());
    }
  }
}

TEST_F(completed_base_test, segments_of_another_snapshot_stay_where_they_are) {
  break_off_after(whole_.size() * 5 / 8);
  held_segments held(fs_, held_folder());
  ASSERT_EQ(held.ids().size(), 3u);
  changes_encoder changes;
  changes.insert(1, std::vector<hash_value>{1});
  index_ = snapshot::from_segments({index_->entries()[0].segment, index_->entries()[1].segment,
                                    test::make_segment(test::make_commit(3, changes))});
  backup_writer writer(index_, "a", 3, 700);
  whole_ = all_of(writer);
  completed_base base(std::make_unique<bytes_stream>(rest(held)), held);
  EXPECT_EQ(read_all(base, 4'000), whole_);
  EXPECT_EQ(held.ids().size(), 1u);
}

TEST_F(completed_base_test, what_is_damaged_or_cut_short_is_noticed) {
  break_off_after(whole_.size() / 2);
  {
    held_segments held(fs_, held_folder());
    auto sent = rest(held);
    sent.erase(sent.end() - 100, sent.end());
    completed_base base(std::make_unique<bytes_stream>(sent), held);
    EXPECT_EQ(test::error_of([&] { read_all(base, 4'000); }).code(), errc::corrupt_data);
  }
  fs_.remove_all(held_folder());
  break_off_after(whole_.size() / 2);
  held_segments held(fs_, held_folder());
  const auto sent = rest(held);
  const auto name = fs_.list(held_folder()).front();
  fs_.open_for_writing(held_folder() / name)->write_at(segment_header_bytes + 5, byte_list(1, std::byte{0xa5}));
  completed_base base(std::make_unique<bytes_stream>(sent), held);
  const auto all = read_all(base, 4'000);
  backup_reader reader;
  EXPECT_EQ(test::error_of([&] {
              reader.update(all);
              reader.finish();
            }).code(),
            errc::corrupt_data);
}

}  // namespace
}  // namespace fp
