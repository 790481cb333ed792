#include "core/check/segment_scrubber.hpp"

#include <gmock/gmock.h>

#include <filesystem>

#include "core/index/manifest.hpp"
#include "core/index/snapshot.hpp"
#include "core/merge/merge.hpp"
#include "tests/core/support/commits.hpp"
#include "tests/core/support/error_of.hpp"
#include "tests/core/support/faulty_file_system.hpp"
#include "tests/core/support/temporary_folder.hpp"

namespace fp {
namespace {

using outcome = segment_scrubber::outcome;
using test::error_of;
using test::fs_operation;
using testing::HasSubstr;

constexpr load_mode load_modes[] = {load_mode::map, load_mode::read, load_mode::disk};

class Scrubber : public testing::Test {
 protected:
  Scrubber() { write(40, 30); }

  void write(document_id num_documents, hash_value num_hashes, commit_id commit = 5) {
    changes_encoder changes;
    for (document_id id = 1; id <= num_documents; id++) {
      std::vector<hash_value> hashes;
      for (hash_value h = 0; h < num_hashes; h++) hashes.push_back(id * (h + 1) * 2654435761u);
      changes.insert(id, hashes);
    }
    changes.erase(9999);
    changes.set_metadata("key", "value");
    const auto from = snapshot::from_segments({test::make_segment(test::make_commit(commit, changes))});
    info_ = merge_to_file(*from, 0, 1, posix_file_system(), file_, load_mode::map)->info();
    bytes_ = read_file(posix_file_system(), file_);
  }
  segment_ptr load(load_mode mode) { return open_segment(posix_file_system(), file_, &info_, {mode, nullptr, {}}); }
  void put(uint64_t offset, char value) {
    posix_file_system().open_for_writing(file_)->write_at(offset, std::as_bytes(std::span(&value, 1)));
  }
  void flip(uint64_t offset) { put(offset, static_cast<char>(bytes_[offset] ^ (1 << offset % 8))); }
  void restore(uint64_t offset) { put(offset, bytes_[offset]); }
  segment_scrubber scrubber(const segment_ptr& s, size_t piece_bytes = 4096) {
    return {fs_, file_, s, piece_bytes};
  }
  /// Reads to the end; how many calls that took.
  static size_t finish(segment_scrubber& s) {
    size_t calls = 1;
    while (s.next() == outcome::unfinished) calls++;
    return calls;
  }
  error complaint(const segment_ptr& s, size_t piece_bytes = 4096) {
    return error_of([&] {
      auto one = scrubber(s, piece_bytes);
      finish(one);
    });
  }

  test::temporary_folder folder_;
  test::faulty_file_system fs_{posix_file_system()};
  path file_ = folder_ / segment_file_name(5, 5);
  segment_info info_;
  std::string bytes_;
};

TEST_F(Scrubber, pieces_of_every_size) {
  write(200, 60);
  ASSERT_GT(bytes_.size(), 8 * 4096u);
  for (const load_mode mode : load_modes) {
    const auto s = load(mode);
    for (const size_t asked : {0, 1, 4095, 4096, 4097, 8192, 12'288, 20'000, 1 << 20}) {
      const size_t piece = std::max<size_t>(1, asked / 4096) * 4096;
      auto one = scrubber(s, asked);
      EXPECT_EQ(finish(one), (bytes_.size() + piece - 1) / piece) << asked;
      EXPECT_EQ(one.num_bytes(), bytes_.size());
      EXPECT_EQ(one.info(), info_);
    }
  }
}

TEST_F(Scrubber, what_was_left_unverified_is_checked_then_whatever_comes_of_it) {
  open_options options{load_mode::disk, nullptr, {}};
  options.leave_postings = true;
  const auto opened = [&] { return open_segment(posix_file_system(), file_, &info_, options); };
  {
    const auto s = opened();
    auto one = scrubber(s, 4096);
    EXPECT_EQ(one.next(), segment_scrubber::outcome::unfinished);
    EXPECT_FALSE(s->is_checked());
    finish(one);
    EXPECT_TRUE(s->is_checked());
  }
  const uint64_t last = bytes_.size() - 1;
  flip(last);
  {
    const auto s = opened();
    complaint(s);
    EXPECT_TRUE(s->is_checked());
  }
  // What is right is another file than the one that is searched.
  const auto s = opened();
  const path good = file_.string() + ".good";
  std::filesystem::copy_file(file_, good);
  std::filesystem::rename(good, file_);
  restore(last);
  auto one = scrubber(s, 4096);
  finish(one);
  EXPECT_FALSE(s->is_checked());
}

TEST_F(Scrubber, finds_every_byte_that_was_flipped) {
  for (const load_mode mode : load_modes) {
    for (uint64_t offset = 0; offset < bytes_.size(); offset++) {
      const auto s = load(mode);
      flip(offset);
      const error e = complaint(s);
      restore(offset);
      EXPECT_EQ(e.code(), errc::corrupt_data) << e.what();
      EXPECT_THAT(e.what(), HasSubstr(file_.string()));
      EXPECT_THAT(e.what(), HasSubstr("offset "));
      if (mode == load_mode::read) {
        EXPECT_THAT(e.what(), testing::EndsWith("not as in memory is at offset " + std::to_string(offset)));
      }
    }
  }
}

TEST_F(Scrubber, finds_every_byte_of_memory_that_was_flipped) {
  const auto s = load(load_mode::read);
  for (uint64_t offset = 0; offset < bytes_.size(); offset++) {
    auto& byte = const_cast<std::byte&>(s->bytes()[offset]);
    byte ^= std::byte{4};
    const error e = complaint(s);
    byte ^= std::byte{4};
    EXPECT_EQ(e.code(), errc::corrupt_data);
    EXPECT_EQ(std::string(e.what()), file_.string() + ": damaged in memory, at offset " + std::to_string(offset) +
                                         ", while the file is right");
  }
  auto one = scrubber(s);
  finish(one);
}

TEST_F(Scrubber, finds_files_that_are_longer_or_shorter) {
  const auto s = load(load_mode::read);
  for (const uint64_t length : {uint64_t{0}, uint64_t{1}, uint64_t{4096}, info_.num_bytes - 64, info_.num_bytes - 1,
                                info_.num_bytes + 1, info_.num_bytes + 10'000}) {
    std::filesystem::resize_file(file_, length);
    const error e = complaint(s);
    EXPECT_EQ(e.code(), errc::corrupt_data);
    EXPECT_THAT(e.what(), HasSubstr("ends at offset " + std::to_string(length)));
    replace_file(posix_file_system(), file_, bytes_);
  }
}

TEST_F(Scrubber, finds_files_that_change_their_size_meanwhile) {
  write(200, 60);
  const auto s = load(load_mode::read);
  {
    auto one = scrubber(s);
    EXPECT_EQ(one.next(), outcome::unfinished);
    std::filesystem::resize_file(file_, 6000);
    EXPECT_THAT(error_of([&] { finish(one); }).what(), HasSubstr("ends at offset 6000"));
    replace_file(posix_file_system(), file_, bytes_);
  }
  auto one = scrubber(s);
  EXPECT_EQ(one.next(), outcome::unfinished);
  std::filesystem::resize_file(file_, bytes_.size() + 1);
  EXPECT_THAT(error_of([&] { finish(one); }).what(),
              HasSubstr("ends at offset " + std::to_string(bytes_.size() + 1)));
}

TEST_F(Scrubber, goes_on_from_where_it_was) {
  write(200, 60);
  const auto s = load(load_mode::map);
  auto one = scrubber(s, 8192);
  EXPECT_EQ(one.next(), outcome::unfinished);
  EXPECT_EQ(one.num_bytes(), 8192u);
  flip(bytes_.size() - 1);
  EXPECT_EQ(error_of([&] { finish(one); }).code(), errc::corrupt_data);
  restore(bytes_.size() - 1);
  auto late = scrubber(s, 8192);
  EXPECT_EQ(late.next(), outcome::unfinished);
  flip(0);
  finish(late);
}

TEST_F(Scrubber, another_segment_in_the_place_is_damage) {
  const auto s = load(load_mode::map);
  const auto size = bytes_.size();
  write(40, 30, 6);
  ASSERT_EQ(bytes_.size(), size);
  const error e = complaint(s);
  EXPECT_EQ(e.code(), errc::corrupt_data);
  EXPECT_EQ(std::string(e.what()), file_.string() + ": header at offset 0: is another segment's than was loaded");
}

TEST_F(Scrubber, a_disk_that_does_not_give_back_what_it_has) {
  write(200, 60);
  const auto s = load(load_mode::map);
  const size_t num_reads = (bytes_.size() + 4095) / 4096;
  for (size_t nth = 1; nth <= num_reads; nth++) {
    fs_.fail(nth, {}, fs_operation::read);
    const error e = complaint(s);
    EXPECT_EQ(e.code(), errc::io_error);
    EXPECT_THAT(e.what(), HasSubstr(file_.string()));
    EXPECT_THAT(e.what(), testing::EndsWith("at offset " + std::to_string((nth - 1) * 4096)));
  }
  fs_.fail(1, {}, fs_operation::open);
  EXPECT_EQ(complaint(s).code(), errc::io_error);
  fs_.heal();
  EXPECT_EQ(fs_.num_operations(fs_operation::map), 0u)
      << "a page that cannot be read would be zeros in the segment that is served";
}

TEST_F(Scrubber, a_file_that_is_gone) {
  write(200, 60);
  const auto s = load(load_mode::map);
  auto one = scrubber(s);
  EXPECT_EQ(one.next(), outcome::unfinished);
  std::filesystem::remove(file_);
  finish(one);
  const error e = complaint(s);
  EXPECT_EQ(e.code(), errc::io_error);
  EXPECT_THAT(e.what(), HasSubstr(file_.string()));
}

TEST_F(Scrubber, does_not_keep_the_segment) {
  write(200, 60);
  auto s = load(load_mode::read);
  auto one = scrubber(s);
  EXPECT_EQ(one.next(), outcome::unfinished);
  EXPECT_EQ(s.use_count(), 1);
  s.reset();
  EXPECT_EQ(one.next(), outcome::gone);
}

TEST_F(Scrubber, what_a_manifest_names) {
  EXPECT_TRUE(is_named(fs_, folder_.path(), info_)) << "there is a segment file, but no manifest";
  write_manifest(fs_, folder_.path(), {{{file_.filename().string(), info_}}});
  EXPECT_TRUE(is_named(fs_, folder_.path(), info_));
  auto other = info_;
  other.checksum++;
  EXPECT_FALSE(is_named(fs_, folder_.path(), other));
  fs_.fail(1);
  EXPECT_TRUE(is_named(fs_, folder_.path(), other)) << "nothing is known";
}

}  // namespace
}  // namespace fp
