#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <random>

#include "core/base/checksum.hpp"
#include "core/base/error.hpp"
#include "core/index/snapshot.hpp"
#include "core/merge/merge.hpp"
#include "core/search/search.hpp"
#include "core/segment/bucket_directory.hpp"
#include "core/segment/segment_format.hpp"
#include "tests/core/support/commits.hpp"
#include "tests/core/support/error_of.hpp"
#include "tests/core/support/temporary_folder.hpp"

namespace fp {
namespace {

using test::make_commit;
using test::make_segment;

constexpr load_mode all_modes[] = {load_mode::map, load_mode::read, load_mode::disk};

class SegmentFile : public testing::Test {
 protected:
  SegmentFile() {
    changes_encoder changes;
    for (document_id id = 1000; id < 1040; id++) {
      std::vector<hash_value> hashes;
      for (hash_value h = 0; h < 30; h++) hashes.push_back(id * h * 2654435761u & 0xfffff0);
      changes.insert(id, hashes);
    }
    changes.erase(2000);
    changes.set_metadata("key", "value");
    write(make_commit(5, changes));
  }

  /// Writes a segment file of one commit and keeps its bytes.
  void write(const commit& c) {
    const auto s = snapshot::from_segments({make_segment(c)});
    info_ = merge_to_file(*s, 0, 1, posix_file_system(), file_, load_mode::map)->info();
    bytes_ = read_file(posix_file_system(), file_);
  }
  /// Overwrites in place: emptying files first makes some file systems flush each one to the disk.
  void put_file(const std::string& bytes) {
    file_system& fs = posix_file_system();
    const auto out = fs.exists(file_) ? fs.open_for_writing(file_) : fs.create(file_);
    out->write_at(0, std::as_bytes(std::span(bytes)));
    if (out->size() != bytes.size()) out->truncate(bytes.size());
  }
  /// The code of the error that opening throws; nothing when it does not.
  std::optional<errc> open_error(load_mode mode, const segment_info* expected = nullptr) {
    try {
      open_segment(posix_file_system(), file_, expected, {mode, nullptr, {}});
    } catch (const error& e) {
      message_ = e.what();
      return e.code();
    }
    return std::nullopt;
  }
  template <class T>
  static T get(const std::string& bytes, size_t at) {
    T value;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
  }
  template <class T>
  static void put(std::string& bytes, size_t at, T value) {
    std::memcpy(bytes.data() + at, &value, sizeof value);
  }
  /// Makes all checksums right again, as far as the section table makes sense.
  static void seal(std::string& bytes) {
    for (size_t i = 0; i < num_sections; i++) {
      const size_t entry = section_entry_offset(i);
      const auto offset = get<uint64_t>(bytes, entry + 8), length = get<uint64_t>(bytes, entry + 16);
      if (offset > bytes.size() || length > bytes.size() - offset) continue;
      const uint64_t end = std::min<uint64_t>((offset + length + 63) / 64 * 64, bytes.size());
      put(bytes, entry + 24, checksum(std::string_view(bytes).substr(offset, end - offset)));
    }
    put(bytes, 4088, checksum(std::string_view(bytes).substr(0, 4088)));
  }

  test::temporary_folder folder_;
  path file_ = folder_ / "a.seg";
  segment_info info_;
  std::string bytes_, message_;
};

TEST_F(SegmentFile, OpensInEveryModeWithTheSameContents) {
  for (const load_mode mode : all_modes) {
    uint64_t reported = 0;
    const auto s = open_segment(posix_file_system(), file_, &info_,
                                {mode, nullptr, [&](uint64_t bytes) { reported += bytes; }});
    EXPECT_EQ(reported, bytes_.size());
    EXPECT_EQ(s->info(), info_);
    EXPECT_EQ(s->storage(), mode == load_mode::read ? segment_storage::read_file : segment_storage::mapped_file);
    EXPECT_EQ(s->is_on_disk(), mode == load_mode::disk);
    EXPECT_TRUE(s->is_checked());
    EXPECT_EQ(s->metadata().to_map(), (metadata_map{{"key", "value"}}));
    EXPECT_EQ(s->documents().cardinality(), 40u);  // nothing older: no need for the tombstone
    EXPECT_EQ(s->tombstones(), doc_set{});
    EXPECT_EQ(s->find(1003)->commit, 5u);
    std::filesystem::remove(file_);
    s->verify();
    put_file(bytes_);
  }
}

TEST_F(SegmentFile, PostingsMayBeLeftUnverified) {
  const auto open = [&](load_mode mode) {
    uint64_t reported = 0;
    open_options options{mode, nullptr, [&](uint64_t bytes) { reported += bytes; }};
    options.leave_postings = true;
    const auto s = open_segment(posix_file_system(), file_, &info_, options);
    EXPECT_EQ(reported, bytes_.size());
    return s;
  };
  EXPECT_TRUE(open(load_mode::read)->is_checked()) << "it has been read anyway";
  const auto whole = open(load_mode::disk);
  EXPECT_FALSE(whole->is_checked());
  whole->verify();
  EXPECT_TRUE(whole->is_checked());

  for (size_t at = 0; at < bytes_.size(); at++) {
    std::string bytes = bytes_;
    bytes[at] = static_cast<char>(bytes[at] ^ 16);
    put_file(bytes);
    const auto in = [&](section_kind kind) {
      const size_t entry = section_entry_offset(static_cast<size_t>(kind) - 1);
      const auto offset = get<uint64_t>(bytes_, entry + 8), length = get<uint64_t>(bytes_, entry + 16);
      return at >= offset && at < offset + (length + 63) / 64 * 64;
    };
    const bool is_left = in(section_kind::postings) || in(section_kind::counts);
    bool opens = false;
    const error e = test::error_of([&] {
      const auto s = open(load_mode::disk);
      opens = true;
      // Whatever the answers are, they come, and the damage is found by who looks.
      searcher().search(*snapshot::from_segments({s}), std::vector<hash_value>{16, 32, 64}, {});
      s->verify();
    });
    ASSERT_EQ(e.code(), errc::corrupt_data) << at;
    ASSERT_EQ(opens, is_left) << at;
  }
}

TEST_F(SegmentFile, EveryFlippedBitIsDetected) {
  write(make_commit(5, {{1, {3, 4}}, {70000, {3, 900}}}));
  for (size_t at = 0; at < bytes_.size(); at++) {
    // All bits of what is used, one bit in each byte of the header's empty part.
    const int step = at >= 328 && at < 4088 ? 8 : 1;
    for (int bit = 0; bit < 8; bit += step) {
      std::string damaged = bytes_;
      damaged[at] = static_cast<char>(damaged[at] ^ 1 << bit);
      put_file(damaged);
      for (const load_mode mode : all_modes) {
        ASSERT_EQ(open_error(mode), errc::corrupt_data) << "bit " << bit << " of byte " << at;
        ASSERT_NE(message_.find(file_.string()), std::string::npos) << message_;
      }
    }
  }
}

TEST_F(SegmentFile, EveryTruncationIsDetected) {
  for (size_t length = bytes_.size(); length-- > 0;) {
    std::filesystem::resize_file(file_, length);
    for (const load_mode mode : all_modes) ASSERT_EQ(open_error(mode), errc::corrupt_data) << length;
  }
  for (const size_t more : {1, 64, 5000}) {
    put_file(bytes_ + std::string(more, '\0'));
    for (const load_mode mode : all_modes) ASSERT_EQ(open_error(mode), errc::corrupt_data) << more;
  }
}

TEST_F(SegmentFile, ErrorsNameSectionAndOffset) {
  const auto offset = get<uint64_t>(bytes_, section_entry_offset(1) + 8);
  bytes_[offset + 3] ^= 1;
  put_file(bytes_);
  for (const load_mode mode : all_modes) {
    ASSERT_EQ(open_error(mode), errc::corrupt_data);
    EXPECT_NE(message_.find(file_.string() + ": section postings at offset " + std::to_string(offset)),
              std::string::npos)
        << message_;
  }
}

TEST_F(SegmentFile, AnotherFormatVersionIsNamed) {
  for (const uint32_t version : {oldest_segment_format_version - 1, segment_format_version + 1}) {
    put(bytes_, 8, version);
    put(bytes_, 4088, checksum(std::string_view(bytes_).substr(0, 4088)));
    put_file(bytes_);
    EXPECT_EQ(open_error(load_mode::map), errc::unsupported_format);
    EXPECT_EQ(message_, file_.string() + ": file format " + std::to_string(version) + ", this build reads 2 to 5");
  }
}

TEST_F(SegmentFile, MissingFileIsAnIoError) {
  std::filesystem::remove(file_);
  EXPECT_EQ(open_error(load_mode::map), errc::io_error);
}

TEST_F(SegmentFile, AnythingButTheExpectedFileIsRefused) {
  EXPECT_EQ(open_error(load_mode::map, &info_), std::nullopt);
  std::vector<segment_info> wrong(12, info_);
  wrong[0].first_commit--;
  wrong[1].last_commit++;
  wrong[2].num_postings++;
  wrong[3].num_documents++;
  wrong[4].num_tombstones++;
  wrong[5].min_document--;
  wrong[6].max_document++;
  wrong[7].num_bytes += 64;
  wrong[8].checksum ^= 1;
  wrong[9].previous_commit--;
  wrong[10].first_part++;
  wrong[11].last_part++;
  for (const segment_info& expected : wrong) {
    for (const load_mode mode : all_modes) EXPECT_EQ(open_error(mode, &expected), errc::corrupt_data);
  }
}

TEST_F(SegmentFile, CancelStopsBetweenSlices) {
  for (const load_mode mode : all_modes) {
    // Raised after n reports: at least the header and each section report.
    for (int after = 0; after < 8; after++) {
      cancel_flag cancel = after == 0;
      int reports = 0;
      open_options options{mode, &cancel, [&](uint64_t) { cancel = ++reports >= after; }};
      try {
        open_segment(posix_file_system(), file_, nullptr, options);
        ADD_FAILURE() << "not cancelled after " << after;
      } catch (const error& e) {
        EXPECT_EQ(e.code(), errc::cancelled);
        EXPECT_EQ(reports, after);
      }
    }
  }
  const auto s = open_segment(posix_file_system(), file_, nullptr, {});
  const cancel_flag cancel = true;
  EXPECT_THROW(s->verify(&cancel), error);
}

TEST_F(SegmentFile, VerifyNoticesDamageAfterOpening) {
  const auto s = open_segment(posix_file_system(), file_, nullptr, {load_mode::map, nullptr, {}});
  s->verify();
  const char other = static_cast<char>(~bytes_[5000]);
  posix_file_system().open_for_writing(file_)->write_at(5000, std::as_bytes(std::span(&other, 1)));
  EXPECT_THROW(s->verify(), error);
}

TEST_F(SegmentFile, WrongStructureIsRefusedEvenWithRightChecksums) {
  const auto section = [&](section_kind kind) {
    return get<uint64_t>(bytes_, section_entry_offset(static_cast<size_t>(kind) - 1) + 8);
  };
  const std::string good = bytes_;
  const auto expect_refused = [&](const char* what) {
    seal(bytes_);
    put_file(bytes_);
    for (const load_mode mode : all_modes) EXPECT_EQ(open_error(mode), errc::corrupt_data) << what;
    bytes_ = good;
  };
  const auto field = [&](size_t at, auto change, const char* what) {
    put(bytes_, at, change);
    expect_refused(what);
  };
  const uint64_t buckets = section(section_kind::buckets);
  const uint64_t last_start = buckets + 8 * (bucket_directory::num_samples(get<uint8_t>(bytes_, 77)) - 1);
  ASSERT_GT(last_start, buckets + 8);
  field(buckets, uint32_t{1}, "first bucket does not start at 0");
  field(buckets + 4, uint8_t(get<uint8_t>(bytes_, buckets + 4) + 1), "another part than the counts say");
  field(buckets + 4, uint8_t{255}, "many postings where there are few");
  field(buckets + 8, uint32_t{0xffffffff}, "buckets not ascending");
  field(last_start, uint32_t{0xffffffff}, "last bucket too far");
  const uint64_t counts = section(section_kind::counts),
                 words = bucket_directory::num_words(get<uint8_t>(bytes_, 77), get<uint64_t>(bytes_, 40));
  field(counts, uint8_t(get<uint8_t>(bytes_, counts) ^ 1), "a posting before the first bucket");
  field(counts + 8, ~get<uint64_t>(bytes_, counts + 8), "other counts than samples");
  field(counts + 8 * words - 8, get<uint64_t>(bytes_, counts + 8 * words - 8) | uint64_t{1} << 63,
        "a posting too many");
  field(section(section_kind::documents), uint64_t{~uint64_t{0}}, "documents not ascending");
  field(section(section_kind::tombstones), uint8_t{1}, "one tombstone too many");
  field(section(section_kind::metadata), uint32_t{1000}, "more metadata than there is");
  field(24, uint64_t{0}, "commit 0");
  field(24, uint64_t{6}, "first commit after the last");
  field(280, uint64_t{5}, "previous commit not before the first");
  field(280, ~uint64_t{0}, "previous commit after the last");
  field(288, uint64_t{1} << 32 | 1, "a part that is none");
  field(40, uint64_t{1} << 40, "too many postings");
  field(48, uint64_t{0}, "no documents");
  field(48, ~uint64_t{0}, "too many documents");
  field(56, uint64_t{50}, "more tombstones than documents");
  field(64, uint32_t{0}, "document 0");
  field(64, uint32_t{3000}, "smallest id beyond the largest");
  field(68, uint32_t{1999}, "largest id too small");
  field(72, uint32_t{0xffffffff}, "mask outside the split");
  field(76, uint8_t{40}, "shift");
  field(77, uint8_t{200}, "bucket bits");
  field(78, uint8_t{33}, "tail bits");
  field(78, uint8_t{25}, "more tail bits than fit an entry");
  field(79, uint8_t{32}, "id bits");
  field(80, uint8_t{9}, "commit bits");
  field(12, uint32_t{6}, "number of sections");
  field(88, uint32_t{2}, "section kind");
  field(96, uint64_t{4160}, "section offset");
  field(104, uint64_t{8}, "section length");
  field(section_entry_offset(5) + 16, ~uint64_t{0}, "metadata length");
  field(section_entry_offset(6), uint32_t{6}, "kind of the last section");
}

TEST_F(SegmentFile, RandomDamageUnderRightChecksumsNeverLeavesTheBytes) {
  std::mt19937_64 random(11);
  int opened = 0;
  for (int round = 0; round < 3000; round++) {
    std::string damaged = bytes_;
    for (uint64_t i = 1 + random() % 3; i > 0; i--) {
      const size_t at = random() % 3 == 0 ? 24 + random() % 304 : 4096 + random() % (damaged.size() - 4096);
      damaged[at] = static_cast<char>(random() % 2 == 0 ? random() : damaged[at] ^ 1 << random() % 8);
    }
    seal(damaged);
    put_file(damaged);
    segment_ptr s;
    try {
      s = open_segment(posix_file_system(), file_, nullptr, {load_mode::read, nullptr, {}});
    } catch (const error& e) {
      ASSERT_EQ(e.code(), errc::corrupt_data) << e.what();
      continue;
    }
    opened++;
    const auto index = snapshot::from_segments({s});
    std::vector<hash_value> query;
    for (hash_value h = 0; h < 2000; h++) query.push_back(h * 0x00a5f3b1u);
    searcher().search(*index, query, {});
    for (document_id id = 990; id < 1050; id++) index->find(id);
    index->stats();
    try {
      merge_to_memory(*index, 0, 1);
    } catch (const error& e) {
      ASSERT_EQ(e.code(), errc::corrupt_data) << e.what();
    }
  }
  EXPECT_GT(opened, 100) << "the damage was always noticed: nothing was tested";
}

}  // namespace
}  // namespace fp
