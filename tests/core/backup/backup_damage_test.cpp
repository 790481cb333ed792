#include <gmock/gmock.h>
#include <algorithm>

#include <set>

#include "core/fpindex/snapshot_writer.hpp"
#include "tests/core/backup/backup_fixture.hpp"
#include "tests/core/support/error_of.hpp"

namespace fp {
namespace {

using backup_format::entry_bytes;
using backup_format::stream_header_bytes;
using backup_format::trailer_bytes;
using test::backup_of;
using test::byte_vector;
using test::crafted_backup;
using test::error_of;
using testing::HasSubstr;
using testing::StartsWith;

class backup_damage : public test::backup_test {
 protected:
  /// The error of restoring. No manifest names what was restored before.
  error refusal(std::span<const std::byte> stream) {
    const error e = error_of([&] { restore(stream); });
    EXPECT_FALSE(fs_.exists(target_.data / manifest_file_name)) << e.what();
    empty_target();
    return e;
  }
  /// The bytes that a restorer takes before it refuses a backup.
  uint64_t refused_after(std::span<const std::byte> stream, errc code = errc::corrupt_data) {
    backup_restorer restorer(fs_, target_);
    EXPECT_EQ(error_of([&] { test::feed(restorer, stream, 1); }).code(), code);
    EXPECT_FALSE(fs_.exists(target_.data / manifest_file_name));
    empty_target();
    return restorer.offset();
  }
  void expect_corrupt(std::span<const std::byte> stream, const std::string& reason = {}) {
    const error e = refusal(stream);
    EXPECT_EQ(e.code(), errc::corrupt_data) << e.what();
    EXPECT_THAT(e.what(), StartsWith("backup: offset "));
    EXPECT_THAT(e.what(), HasSubstr(reason));
  }
};

TEST_F(backup_damage, every_shortening) {
  for (const auto& index : {std::make_shared<const snapshot>(), one_segment(), small_snapshot()}) {
    const byte_vector stream = backup_of(index);
    const size_t step = index->entries().size() > 1 ? 97 : 1;
    for (size_t length = 0; length < stream.size(); length += step) {
      expect_corrupt(std::span(stream).first(length), "backup: offset " + std::to_string(length) + ": ends within");
      if (HasFailure()) FAIL() << "length " << length;
    }
    restore(stream);
    empty_target();
  }
}

TEST_F(backup_damage, every_extension) {
  for (const auto& index : {std::make_shared<const snapshot>(), one_segment()}) {
    byte_vector stream = backup_of(index);
    const byte_vector twice = stream;
    stream.push_back(std::byte{0});
    expect_corrupt(stream, "offset " + std::to_string(twice.size()) + ": goes on");
    stream.pop_back();
    stream.insert(stream.end(), twice.begin(), twice.end());
    expect_corrupt(stream, "offset " + std::to_string(twice.size()) + ": goes on");
  }
}

TEST_F(backup_damage, every_bit_flip) {
  for (const auto& index : {one_segment(), small_snapshot()}) {
    byte_vector stream = backup_of(index);
    const size_t step = index->entries().size() > 1 ? 1009 : 1;
    for (size_t bit = 0; bit < stream.size() * 8; bit += step) {
      const auto mask = static_cast<std::byte>(1 << bit % 8);
      stream[bit / 8] ^= mask;
      const error e = refusal(stream);
      ASSERT_EQ(e.code(), errc::corrupt_data) << bit << ": " << e.what();
      ASSERT_THAT(e.what(), StartsWith("backup: offset "));
      ASSERT_FALSE(HasFailure()) << "bit " << bit;
      stream[bit / 8] ^= mask;
    }
    restore(stream);
    empty_target();
  }
}

TEST_F(backup_damage, missing_doubled_and_exchanged_pieces) {
  const byte_vector stream = backup_of(small_snapshot());
  test::random_data random(1);
  for (int i = 0; i < 300; i++) {
    byte_vector damaged = stream;
    const auto at = damaged.begin() + static_cast<long>(random.below(damaged.size() - 600));
    const auto length = static_cast<long>(1 + random.below(300));
    switch (random.below(3)) {
      case 0:
        damaged.erase(at, at + length);
        break;
      case 1: {
        const byte_vector piece(at, at + length);
        damaged.insert(at, piece.begin(), piece.end());
        break;
      }
      default:
        std::swap_ranges(at, at + length, at + length);
    }
    if (damaged == stream) continue;
    expect_corrupt(damaged);
    if (HasFailure()) FAIL() << i;
  }
}

TEST_F(backup_damage, other_files) {
  for (const std::string& text :
       {std::string(), std::string("x"), std::string(1000, '\0'), std::string(1000, '{')}) {
    expect_corrupt(std::as_bytes(std::span(text)));
  }
  const std::string text(1000, '{');
  EXPECT_THAT(refusal(std::as_bytes(std::span(text))).what(), HasSubstr("not a backup of an index"));
}

TEST_F(backup_damage, a_newer_format_is_refused) {
  byte_vector stream = backup_of(small_snapshot());
  stream[8] = std::byte{backup_format::version + 1};
  expect_corrupt(stream, "stream header: checksum mismatch");
  const uint64_t sum = checksum(std::span<const std::byte>(stream).first(312));
  std::memcpy(stream.data() + 312, &sum, sizeof sum);
  const error e = refusal(stream);
  EXPECT_EQ(e.code(), errc::unsupported_format);
  EXPECT_THAT(e.what(), HasSubstr("format 3, this build reads 1 to 2"));
  EXPECT_EQ(refused_after(stream, errc::unsupported_format), stream_header_bytes);
}

TEST_F(backup_damage, a_newer_segment_format_is_refused) {
  auto b = crafted_backup::of(*one_segment());
  auto& bytes = b.segments[0].second;
  bytes[8] = std::byte{segment_format_version + 1};
  const uint64_t sum = checksum(std::span<const std::byte>(bytes).first(segment_header_bytes - 8));
  std::memcpy(bytes.data() + segment_header_bytes - 8, &sum, sizeof sum);
  const error e = refusal(b.seal());
  EXPECT_EQ(e.code(), errc::unsupported_format);
  EXPECT_THAT(e.what(),
              StartsWith("backup: offset " + std::to_string(stream_header_bytes + entry_bytes) + ": segment 0: "));
}

/// Everything carries the right checksums, but does not fit together.
TEST_F(backup_damage, parts_that_contradict_each_other) {
  const auto original = crafted_backup::of(*small_snapshot());
  restore(original.seal());
  EXPECT_EQ(original.seal(), backup_of(small_snapshot()));
  empty_target();

  using mutation = std::function<void(crafted_backup&)>;
  const std::vector<std::pair<const char*, mutation>> changes = {
      {"not the name of an index", [](auto& b) { b.header.index_name = "a/b"; }},
      {"not the name of an index", [](auto& b) { b.header.index_name.clear(); }},
      {"generation 0", [](auto& b) { b.header.generation = 0; }},
      {"in version 4", [](auto& b) { b.header.index_version = 4; }},
      {"in version 2 of an index, followed by 1", [](auto& b) { b.header.index_version = 2; }},
      {"in version 1 of an index, followed by 2", [](auto& b) { b.header.index_version = 1; }},
      {"impossible number of segments", [](auto& b) { b.header.num_segments = 0; }},
      {"impossible number of bytes", [](auto& b) { b.header.num_segments = UINT64_MAX; }},
      {"impossible number of bytes",
       [](auto& b) { b.header.num_segments = b.header.index_version = max_commit_id; }},
      {"impossible number of bytes", [](auto& b) { b.header.num_bytes = 0; }},
      {"impossible number of bytes", [](auto& b) { b.header.num_bytes = 351; }},
      {"are possible", [](auto& b) { b.header.num_bytes -= 64; }},
      {"totals", [](auto& b) { b.header.num_bytes += 64; }},
      {"totals", [](auto& b) { b.header.num_bytes = UINT64_MAX; }},
      {"in version 3 of an index, followed by 0", [](auto& b) { b.header.num_segments = 2; }},
      {"segment 1, expected segment 0", [](auto& b) { b.segments[0].first.position = 1; }},
      {"segment 1, expected segment 0", [](auto& b) { std::swap(b.segments[0], b.segments[1]); }},
      {"its entry says 0 to 1", [](auto& b) { b.segments[0].first.commits.first = 0; }},
      {"impossible commit range", [](auto& b) { b.segments[1].first.commits.last = 1; }},
      {"impossible commit range", [](auto& b) { b.segments[1].first.commits.previous = 2; }},
      {"impossible commit range", [](auto& b) { b.segments[1].first.commits.last = UINT64_MAX; }},
      {"impossible commit range",
       [](auto& b) { b.segments[1].first.commits.first_part = b.segments[1].first.commits.last_part = 1; }},
      {"its entry says 1 to 2", [](auto& b) { b.segments[0].first.commits.last = 2; }},
      {"its entry says 1 to 1 (part 1)", [](auto& b) { b.segments[0].first.commits.last_part = 1; }},
      {"its entry says 2 to 2", [](auto& b) { b.segments[1].second = b.segments[0].second; }},
      {"in version 3 of an index, followed by 2", [](auto& b) { b.segments[0].first.commits.last = 3; }},
      {"part 1 of 3 in version 3 of an index, followed by 0",
       [](auto& b) { b.segments[2].first.commits.last_part = 1; }},
      {"in version 3 of an index, followed by 2", [](auto& b) { b.segments[0].first.commits.last = 4; }},
      {"begins behind 0 follows one that ends with 1", [](auto& b) { b.segments[1].first.commits.previous = 0; }},
      {"begins behind part 1 of 2 follows one", [](auto& b) { b.segments[1].first.commits.first_part = 1; }},
      {"follows one that ends with 1",
       [](auto& b) {
         b.segments[1] = b.segments[2];
         b.segments[1].first.position = 1;
       }},
      {"are possible", [](auto& b) { b.segments[0].first.num_bytes = 0; }},
      {"are possible", [](auto& b) { b.segments[0].first.num_bytes = UINT64_MAX; }},
      {"are possible", [](auto& b) { b.segments[0].first.num_bytes = 4095; }},
      {"written with", [](auto& b) { b.segments[0].first.num_bytes -= 64; }},
      {"written with", [](auto& b) { b.segments[0].first.num_bytes += 64; }},
      {"totals", [](auto& b) { b.trailer.num_segments = 2; }},
      {"totals", [](auto& b) { b.trailer.num_bytes += 1; }},
  };
  for (const auto& [reason, change] : changes) {
    crafted_backup b = original;
    change(b);
    expect_corrupt(b.seal(), reason);
    if (HasFailure()) FAIL() << reason << ", case " << (&reason - &changes[0].first);
  }
}

TEST_F(backup_damage, a_segment_of_nonsense_behind_right_checksums) {
  auto b = crafted_backup::of(*small_snapshot());
  auto& bytes = b.segments[1].second;
  const std::span<std::byte> view(bytes);
  segment_header header =
      decode_header(std::span<const std::byte>(view).first<segment_header_bytes>(), bytes.size(), "");
  section_location& buckets = header.section(section_kind::buckets);
  bytes[buckets.offset] = std::byte{1};
  buckets.checksum = checksum(view.subspan(buckets.offset, buckets.end() - buckets.offset));
  header_page page;
  encode_header(header, page);
  std::copy(page.begin(), page.end(), bytes.begin());
  expect_corrupt(b.seal(), "segment 1: section buckets at offset 4096");
}

/// Sizes beyond all bounds, each with as much consistency as can be had without the bytes.
TEST_F(backup_damage, hostile_sizes_are_refused_early_and_without_memory) {
  const auto original = crafted_backup::of(*one_segment());
  const auto refusal_offset = [&](const crafted_backup& backup) { return refused_after(backup.seal()); };
  auto b = original;
  b.header.num_segments = b.header.index_version = max_commit_id;
  EXPECT_EQ(refusal_offset(b), stream_header_bytes);

  // As many segments as the bytes could hold: the first one is the only one that there is.
  b = original;
  b.header.num_bytes = UINT64_MAX;
  b.header.index_version = b.header.num_segments =
      (UINT64_MAX - 352) / backup_format::min_segment_bytes(backup_format::version);
  EXPECT_EQ(refusal_offset(b), b.seal().size());

  b = original;
  b.header.num_bytes = UINT64_MAX;
  b.segments[0].first.num_bytes = UINT64_MAX / 64 / 2 * 64;
  EXPECT_EQ(refusal_offset(b), stream_header_bytes + entry_bytes + segment_header_bytes);

  // Even the segment's own header agrees.
  segment_header header;
  header.first_commit = header.last_commit = 1;
  header.num_documents = UINT32_MAX;
  header.min_document = 1;
  header.max_document = UINT32_MAX;
  header.num_postings = max_segment_postings;
  header.hash_mask = UINT32_MAX;
  header.split = hash_split::choose(header.num_postings, header.hash_mask);
  header.lay_out(uint64_t{1} << 50);
  header_page page;
  encode_header(header, page);
  b = original;
  b.header.num_bytes = b.segments[0].first.num_bytes = header.num_bytes();
  b.header.num_bytes += stream_header_bytes + entry_bytes + trailer_bytes;
  std::copy(page.begin(), page.end(), b.segments[0].second.begin());
  EXPECT_EQ(refusal_offset(b), b.seal().size());
}

TEST_F(backup_damage, cancelled_at_any_time) {
  const byte_vector stream = backup_of(small_snapshot());
  for (size_t place = 0; place < stream.size(); place += 501) {
    cancel_flag cancel = false;
    backup_restorer restorer(fs_, target_, &cancel);
    restorer.update(std::span(stream).first(place));
    cancel = true;
    const error e = error_of([&] { restorer.update(std::span(stream).subspan(place)); });
    EXPECT_EQ(e.code(), errc::cancelled);
    EXPECT_THAT(e.what(), StartsWith("backup: offset " + std::to_string(place)));
    empty_target();
  }
}

TEST_F(backup_damage, nothing_is_taken_after_an_error) {
  const byte_vector stream = backup_of(small_snapshot());
  byte_vector damaged = stream;
  damaged[5000] ^= std::byte{1};
  backup_restorer restorer(fs_, target_);
  EXPECT_EQ(error_of([&] { test::feed(restorer, damaged); }).code(), errc::corrupt_data);
  EXPECT_EQ(error_of([&] { restorer.update(stream); }).code(), errc::internal_error);
  EXPECT_EQ(error_of([&] { restorer.finish(); }).code(), errc::internal_error);
}

TEST_F(backup_damage, what_fpindex_streams_is_told_from_damage) {
  fpindex::snapshot_writer writer(small_snapshot(), "main", 3);
  byte_vector stream;
  while (!writer.at_end()) {
    const auto chunk = writer.next();
    stream.insert(stream.end(), chunk.begin(), chunk.end());
  }
  const error e = refusal(stream);
  EXPECT_EQ(e.code(), errc::corrupt_data);
  EXPECT_THAT(e.what(), HasSubstr("offset 0: not a backup, but a snapshot as fpindex has them"));
}

/// Reading alone says the same as restoring, as long as it is about checksums.
TEST_F(backup_damage, a_reader_alone_refuses_the_same) {
  const byte_vector stream = backup_of(small_snapshot());
  for (size_t at = 0; at < stream.size(); at += 211) {
    byte_vector damaged = stream;
    damaged[at] ^= std::byte{4};
    backup_reader reader, cut;
    EXPECT_STREQ(error_of([&] { test::feed(reader, damaged); }).what(), refusal(damaged).what());
    const auto shortened = std::span(stream).first(at);
    EXPECT_STREQ(error_of([&] { test::feed(cut, shortened); }).what(), refusal(shortened).what());
  }
  backup_reader reader;
  EXPECT_EQ(reader.header(), nullptr);
  EXPECT_EQ(test::feed(reader, stream).index_version, 3u);
  EXPECT_EQ(reader.header()->index_name, "main");
  EXPECT_EQ(reader.offset(), stream.size());
}

}  // namespace
}  // namespace fp
