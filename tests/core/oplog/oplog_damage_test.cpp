#include <algorithm>

#include "core/base/checksum.hpp"
#include "core/oplog/oplog.hpp"
#include "core/oplog/oplog_format.hpp"
#include "tests/core/oplog/log_fixture.hpp"

namespace fp {
namespace {

class oplog_damage_test : public test::log_fixture {
 protected:
  /// A log of two files that ends with an append of the given commits.
  void write_log(bool seal, const std::vector<size_t>& last_sizes = {0, 8}) {
    options_.max_file_bytes = 500;
    auto o = open();
    append(*o.log, {24});
    append(*o.log, {0, 700});
    append(*o.log, {4});
    std::vector<commit> last;
    for (const size_t bytes : last_sizes) {
      last.push_back(make_commit(model_.size() + last.size() + 1, random_changes(bytes)));
    }
    end_before_last_ = posix_file_system().file_size(folder_ / log_names().back());
    append(*o.log, last);
    num_last_ = last.size();
    if (seal) o.log->close();
    o.log.reset();
    ASSERT_EQ(log_names().size(), 2u);
    newest_ = log_names().back();
    pristine_ = test::read_folder(folder_.path());
  }

  /// Opens the log with one file's contents replaced.
  opened open_with(const std::string& name, const std::string& contents) {
    auto damaged = pristine_;
    damaged[name] = contents;
    test::write_folder(folder_.path(), damaged);
    return open();
  }

  void expect_torn(const std::string& newest_contents) {
    auto o = open_with(newest_, newest_contents);
    ASSERT_TRUE(are_from_model(o.commits));
    ASSERT_EQ(o.commits.size(), model_.size() - num_last_);
    ASSERT_EQ(o.report.torn_bytes, newest_contents.size() - end_before_last_);
    // The place of the torn write is used again.
    const commit next = make_commit(o.log->last_commit() + 1, random_changes(40));
    o.log->append({&next, 1});
    o.log.reset();
    o = open();
    ASSERT_EQ(o.report.torn_bytes, 0u);
    ASSERT_EQ(o.commits.size(), model_.size() - num_last_ + 1);
    ASSERT_EQ(*o.commits.back().changes, *next.changes);
  }

  void expect_corrupt(const std::string& newest_contents) {
    try {
      open_with(newest_, newest_contents);
      FAIL() << "opened";
    } catch (const error& e) {
      ASSERT_EQ(e.code(), errc::corrupt_data) << e.what();
      ASSERT_NE(std::string(e.what()).find(newest_ + ": offset "), std::string::npos) << e.what();
    }
    ASSERT_EQ(read_file(posix_file_system(), folder_ / newest_), newest_contents) << "a damaged file was changed";
  }

  void flip_every_bit() {
    size_t num_detected = 0;
    for (const auto& [name, contents] : pristine_) {
      for (size_t bit = 0; bit < contents.size() * 8; bit++) {
        std::string damaged = contents;
        damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
        try {
          ASSERT_TRUE(is_model(open_with(name, damaged))) << name << " bit " << bit;
        } catch (const error& e) {
          ASSERT_EQ(e.code(), errc::corrupt_data) << name << " bit " << bit << ": " << e.what();
          num_detected++;
        }
      }
    }
    EXPECT_GT(num_detected, 0u);
  }

  test::folder_contents pristine_;
  std::string newest_;
  size_t end_before_last_ = 0, num_last_ = 0;
};

TEST_F(oplog_damage_test, detects_every_bit_flip) {
  write_log(false);
  flip_every_bit();
}

TEST_F(oplog_damage_test, detects_every_bit_flip_of_a_closed_log) {
  write_log(true);
  flip_every_bit();
}

TEST_F(oplog_damage_test, detects_every_bit_flip_among_zeros) {
  options_.max_file_bytes = 1 << 20;
  auto o = open();
  append(*o.log, {8});
  append(*o.log, {make_commit(2, make_changes(std::vector<uint8_t>(1400))), make_commit(3, make_changes({}))});
  o.log.reset();
  pristine_ = test::read_folder(folder_.path());
  flip_every_bit();
}

TEST_F(oplog_damage_test, every_truncation_leaves_a_prefix) {
  write_log(false);
  for (const auto& [name, contents] : pristine_) {
    for (size_t size = 0; size < contents.size(); size++) {
      try {
        const auto o = open_with(name, contents.substr(0, size));
        ASSERT_EQ(name, newest_) << size;
        ASSERT_TRUE(are_from_model(o.commits)) << size;
        ASSERT_LT(o.commits.size(), model_.size()) << size;
        ASSERT_EQ(o.log->last_commit(), o.commits.size());
      } catch (const error& e) {
        ASSERT_NE(name, newest_) << size << ": " << e.what();
        ASSERT_EQ(e.code(), errc::corrupt_data);
      }
    }
  }
}

TEST_F(oplog_damage_test, a_seal_detects_every_truncation) {
  write_log(true);
  for (const auto& [name, contents] : pristine_) {
    for (size_t size = 0; size < contents.size(); size++) {
      try {
        open_with(name, contents.substr(0, size));
        FAIL() << name << " cut to " << size;
      } catch (const error& e) {
        ASSERT_EQ(e.code(), errc::corrupt_data);
      }
    }
  }
  auto without_newest = pristine_;
  without_newest.erase(newest_);
  test::write_folder(folder_.path(), without_newest);
  const std::string text = open_error().what();
  EXPECT_NE(text.find("ends at commit 3 but was closed at commit 6"), std::string::npos) << text;
}

TEST_F(oplog_damage_test, a_seal_detects_a_log_that_went_on) {
  write_log(true);
  const std::string seal = pristine_.at("seal");
  auto o = open();
  append(*o.log, {8});
  o.log.reset();
  replace_file(posix_file_system(), folder_ / "seal", seal);
  EXPECT_EQ(open_error().code(), errc::corrupt_data);
}

TEST_F(oplog_damage_test, accepts_a_last_write_of_which_any_sectors_are_missing) {
  write_log(false, {100, 1500, 600});
  const std::string& contents = pristine_.at(newest_);
  std::vector<std::pair<size_t, size_t>> sectors;
  for (size_t at = end_before_last_; at < contents.size();) {
    const size_t end = std::min(contents.size(), at / 512 * 512 + 512);
    sectors.emplace_back(at, end);
    at = end;
  }
  ASSERT_GE(sectors.size(), 5u);
  for (size_t missing = 1; missing < size_t{1} << sectors.size(); missing++) {
    std::string torn = contents;
    for (size_t i = 0; i < sectors.size(); i++) {
      if (missing >> i & 1) std::fill(torn.begin() + sectors[i].first, torn.begin() + sectors[i].second, '\0');
    }
    ASSERT_NO_FATAL_FAILURE(expect_torn(torn)) << missing;
  }
}

TEST_F(oplog_damage_test, accepts_a_last_write_cut_at_any_length_with_zeros_behind) {
  write_log(false, {100, 900});
  const std::string& contents = pristine_.at(newest_);
  for (size_t end = (end_before_last_ + 511) / 512 * 512; end < contents.size(); end += 512) {
    for (const size_t zeros : {0, 1, 31, 32, 512}) {
      const size_t size = std::min(contents.size(), end + zeros);
      ASSERT_NO_FATAL_FAILURE(expect_torn(contents.substr(0, end) + std::string(size - end, '\0')));
    }
  }
  for (size_t zeros = 1; zeros < 1200; zeros++) {
    ASSERT_NO_FATAL_FAILURE(expect_torn(contents.substr(0, end_before_last_) + std::string(zeros, '\0')));
  }
}

TEST_F(oplog_damage_test, zeros_in_acknowledged_frames_are_damage) {
  write_log(false, {100, 1500});
  const std::string& contents = pristine_.at(newest_);
  // The frame before the last one: zeros over all of it, and over its header alone.
  std::string damaged = contents;
  std::fill(damaged.begin() + 32, damaged.begin() + end_before_last_, '\0');
  ASSERT_NO_FATAL_FAILURE(expect_corrupt(damaged));
  damaged = contents;
  std::fill_n(damaged.begin() + 32, 32, '\0');
  ASSERT_NO_FATAL_FAILURE(expect_corrupt(damaged));
  // The file header.
  damaged = contents;
  std::fill_n(damaged.begin(), 32, '\0');
  ASSERT_NO_FATAL_FAILURE(expect_corrupt(damaged));
  // Part of a sector of the last frame.
  damaged = contents;
  std::fill_n(damaged.begin() + 600, 300, '\0');
  ASSERT_NO_FATAL_FAILURE(expect_corrupt(damaged));
  // A missing sector, and something behind the frame, which nobody wrote in the same go.
  damaged = contents;
  std::fill_n(damaged.begin() + 512, 512, '\0');
  ASSERT_NO_FATAL_FAILURE(expect_corrupt(damaged + std::string(64, 'x')));
  ASSERT_NO_FATAL_FAILURE(expect_torn(damaged));
  ASSERT_NO_FATAL_FAILURE(expect_corrupt(contents + std::string(64, 'x')));
}

TEST_F(oplog_damage_test, a_zeroed_sector_before_an_intact_frame_is_damage) {
  options_.max_file_bytes = 1 << 20;
  auto o = open();
  append(*o.log, {900});
  append(*o.log, {8});
  o.log.reset();
  pristine_ = test::read_folder(folder_.path());
  newest_ = log_names().back();
  std::string damaged = pristine_.at(newest_);
  std::fill(damaged.begin() + 32, damaged.begin() + 512, '\0');
  expect_corrupt(damaged);
}

TEST_F(oplog_damage_test, a_natural_blank_sector_is_no_sign_of_a_torn_write) {
  write_log(false, {4});
  std::vector<uint8_t> changes(4000, 7);
  std::fill(changes.begin() + 1000, changes.begin() + 3000, uint8_t{0});
  test::write_folder(folder_.path(), pristine_);
  auto o = open();
  append(*o.log, {make_commit(model_.size() + 1, make_changes(changes))});
  o.log.reset();
  pristine_ = test::read_folder(folder_.path());
  std::string damaged = pristine_.at(newest_);
  damaged.back() = 'x';
  expect_corrupt(damaged);
  damaged = pristine_.at(newest_);
  damaged[damaged.size() - 200] ^= 1;
  expect_corrupt(damaged);
}

TEST_F(oplog_damage_test, a_missing_sector_shows_where_there_was_hardly_anything_but_zeros) {
  // Nothing, nothing behind the first sectors, one byte in the last one, and what an index holds of few documents.
  std::vector<uint8_t> one_byte(480, 7);
  one_byte[464] = 0x30;
  std::fill(one_byte.begin() + 465, one_byte.end(), uint8_t{0});
  std::vector<uint8_t> half(1600, 7);
  std::fill(half.begin() + 700, half.end(), uint8_t{0});
  for (const auto& changes : {std::vector<uint8_t>(2200, 0), half, one_byte}) {
    model_.clear();
    test::write_folder(folder_.path(), {});
    write_log(false, {4});
    auto o = open();
    end_before_last_ = posix_file_system().file_size(folder_ / newest_);
    num_last_ = 1;
    append(*o.log, {make_commit(model_.size() + 1, make_changes(changes))});
    o.log.reset();
    pristine_ = test::read_folder(folder_.path());
    newest_ = log_names().back();
    const std::string& contents = pristine_.at(newest_);
    for (size_t at = end_before_last_ / 512 * 512 + 512; at < contents.size(); at += 512) {
      std::string torn = contents;
      std::fill(torn.begin() + at, torn.begin() + std::min(at + 512, torn.size()), '\0');
      ASSERT_NE(torn, contents);
      ASSERT_NO_FATAL_FAILURE(expect_torn(torn)) << at;
      std::string damaged = contents;
      damaged[at] ^= 1;
      ASSERT_NO_FATAL_FAILURE(expect_corrupt(damaged)) << at;
    }
  }
}

TEST_F(oplog_damage_test, a_mask_is_of_the_numbers_that_their_source_tells) {
  oplog_format::frame_header header;
  header.payload_checksum = 0;
  std::vector<std::byte> frame(64);
  oplog_format::mask_frame(header, frame);
  uint64_t numbers[2];
  std::memcpy(numbers, frame.data() + oplog_format::frame_header_bytes, sizeof numbers);
  EXPECT_EQ(numbers[0], 0xe220a8397b1dcdafu);
  EXPECT_EQ(numbers[1], 0x6e789e6aa1b965f4u);
  EXPECT_TRUE(std::all_of(frame.begin(), frame.begin() + 32, [](std::byte b) { return b == std::byte{0}; }));
  oplog_format::mask_frame(header, frame);
  EXPECT_EQ(frame, std::vector<std::byte>(64));
}

TEST_F(oplog_damage_test, zeros_prove_nothing_in_older_frames_that_hold_zeros) {
  oplog_format::frame_header header;
  header.payload_bytes = 1000;
  header.has_blank_sector = true;
  header.payload_checksum = 1;
  std::vector<std::byte> frame(header.frame_bytes());
  oplog_format::encode_frame_header(header, frame);
  EXPECT_FALSE(oplog_format::is_torn(frame, 0, oplog_format::first_version_with_masks - 1));
  EXPECT_TRUE(oplog_format::is_torn(frame, 0));
}

TEST_F(oplog_damage_test, a_newest_file_without_its_header_is_torn) {
  write_log(false);
  auto o = open();
  const commit_id last = o.log->last_commit();
  o.log.reset();
  for (size_t size = 0; size <= 32; size++) {
    auto contents = pristine_;
    contents[oplog_format::file_name(last + 1)] = std::string(size, '\0');
    test::write_folder(folder_.path(), contents);
    o = open();
    ASSERT_TRUE(is_model(o));
    ASSERT_EQ(o.report.torn_bytes, size);
    ASSERT_EQ(log_names().size(), 2u);
    o.log.reset();
  }
  auto contents = pristine_;
  contents[oplog_format::file_name(last + 1)] = std::string(33, '\0');
  test::write_folder(folder_.path(), contents);
  EXPECT_EQ(open_error().code(), errc::corrupt_data);
}

TEST_F(oplog_damage_test, detects_missing_and_misplaced_files) {
  options_.max_file_bytes = 1;
  auto o = open();
  for (int i = 0; i < 4; i++) append(*o.log, {100});
  o.log.reset();
  pristine_ = test::read_folder(folder_.path());
  const auto name = [](commit_id first) { return oplog_format::file_name(first); };

  auto damaged = pristine_;
  damaged.erase(name(2));
  test::write_folder(folder_.path(), damaged);
  EXPECT_NE(std::string(open_error(0).what()).find("nothing between commits 1 and 2"), std::string::npos);
  EXPECT_EQ(open_error(1).code(), errc::corrupt_data);
  EXPECT_TRUE(is_model(open(2), 2));

  damaged = pristine_;
  damaged.erase(name(1));
  test::write_folder(folder_.path(), damaged);
  EXPECT_NE(std::string(open_error(0).what()).find("nothing between commits 0 and 1"), std::string::npos);
  EXPECT_TRUE(is_model(open(1), 1));

  damaged = pristine_;
  damaged[name(2)] = damaged[name(3)];
  test::write_folder(folder_.path(), damaged);
  EXPECT_EQ(open_error().code(), errc::corrupt_data);

  // The second commit's frame twice, under valid checksums.
  damaged = pristine_;
  damaged[name(2)] += damaged[name(2)].substr(32);
  test::write_folder(folder_.path(), damaged);
  EXPECT_NE(std::string(open_error(4).what()).find("instead of 2"), std::string::npos);

  damaged = pristine_;
  damaged["5.log"] = "";
  test::write_folder(folder_.path(), damaged);
  EXPECT_EQ(open_error().code(), errc::corrupt_data);
}

TEST_F(oplog_damage_test, a_newer_format_is_left_alone) {
  write_log(true);
  for (const char* name : {newest_.c_str(), "seal"}) {
    auto newer = pristine_;
    std::string& contents = newer[name];
    contents[8] = oplog_format::version + 1;
    const size_t header_bytes = std::string(name) == "seal" ? 48 : 32;
    const uint64_t sum = checksum(std::string_view(contents).substr(0, header_bytes - 8));
    std::memcpy(contents.data() + header_bytes - 8, &sum, sizeof sum);
    test::write_folder(folder_.path(), newer);
    EXPECT_EQ(open_error().code(), errc::unsupported_format);
    EXPECT_EQ(test::read_folder(folder_.path()), newer);
  }
}

}  // namespace
}  // namespace fp
