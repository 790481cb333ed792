#include <gmock/gmock.h>
#include <algorithm>

#include <cstring>

#include "core/index/checked_json.hpp"
#include "core/oplog/oplog_format.hpp"
#include "tests/core/backup/backup_fixture.hpp"
#include "tests/core/oplog/log_fixture.hpp"
#include "tests/core/support/crafted_segment.hpp"
#include "tests/core/support/error_of.hpp"

/// Numbers at the end of their range: a version or generation that has no successor is refused wherever it comes
/// from, and no sum of one and a count wraps around.
namespace fp {
namespace {

using test::byte_vector;
using test::error_of;
using testing::HasSubstr;

constexpr uint64_t last = UINT64_MAX - 1;  ///< the last one with a successor

segment_header decode(const byte_vector& segment) {
  header_page page;
  std::copy_n(segment.begin(), page.size(), page.begin());
  return decode_header(page, segment.size(), "x.seg");
}

TEST(last_version, of_a_segment) {
  EXPECT_EQ(decode(test::craft_segment(1 + last - (uint64_t{1} << 55), last)).last_commit, last);
  const error e = error_of([] { decode(test::craft_segment(last, UINT64_MAX)); });
  EXPECT_EQ(e.code(), errc::corrupt_data);
  EXPECT_THAT(e.what(), HasSubstr("x.seg"));
}

TEST(last_version, of_a_document_in_a_segment) {
  // The sum of the first commit and what is stored wraps around.
  segment_shape shape;
  shape.first_commit = last - 4;
  shape.last_commit = last;
  byte_vector bytes = test::craft_segment(shape, {}, {{1, last}});
  header_page page;
  std::copy_n(bytes.begin(), page.size(), page.begin());
  segment_header header = decode_header(page, bytes.size(), "x.seg");
  section_location& commits = header.section(section_kind::commits);
  bytes[commits.offset] = std::byte{7};
  commits.checksum =
      checksum(std::span<const std::byte>(bytes).subspan(commits.offset, commits.end() - commits.offset));
  encode_header(header, page);
  std::copy(page.begin(), page.end(), bytes.begin());
  const test::temporary_folder folder;
  posix_file_system().create(folder / "x.seg")->write_at(0, bytes);
  const error e = error_of([&] { open_segment(posix_file_system(), folder / "x.seg", nullptr); });
  EXPECT_EQ(e.code(), errc::corrupt_data);
  EXPECT_THAT(e.what(), HasSubstr("a commit outside the header's range"));
}

TEST(last_version, of_a_manifest) {
  const test::temporary_folder folder;
  file_system& fs = posix_file_system();
  manifest m;
  m.segments.push_back({segment_file_name(1, last), {.first_commit = 1, .last_commit = last}});
  write_manifest(fs, folder.path(), m);
  EXPECT_EQ(read_manifest(fs, folder.path()), m);
  const path file = folder / std::string(manifest_file_name);
  auto object = parse_checked_json(read_file(fs, file), {manifest_version, manifest_version}, file);
  object["segments"][0]["last_commit"] = UINT64_MAX;
  replace_file(fs, file, dump_checked_json(object, manifest_version));
  const error e = error_of([&] { read_manifest(fs, folder.path()); });
  EXPECT_EQ(e.code(), errc::corrupt_data);
  EXPECT_THAT(e.what(), HasSubstr("segments[0]"));
}

/// Backups of one empty segment.
class last_version_of_a_backup : public test::backup_test {
 protected:
  static byte_vector stream_of(commit_id version, uint64_t generation) {
    test::crafted_backup b;
    b.header = {"main", generation, version, 1, 0};
    auto segment = test::craft_segment(version, version);
    b.segments.push_back({{0, segment.size(), {.first = version, .last = version}}, std::move(segment)});
    b.header.num_bytes = backup_format::stream_header_bytes + backup_format::trailer_bytes +
                         backup_format::entry_bytes + b.segments[0].second.size();
    b.trailer = {1, b.header.num_bytes, 0};
    return b.seal();
  }
};

TEST_F(last_version_of_a_backup, is_refused_before_anything_is_written) {
  for (const auto& [version, generation] : {std::pair(UINT64_MAX, uint64_t{3}), std::pair(last, UINT64_MAX)}) {
    const error e = error_of([&] { restore(stream_of(version, generation)); });
    EXPECT_EQ(e.code(), errc::corrupt_data);
    EXPECT_THAT(e.what(), HasSubstr("backup: offset "));
    EXPECT_TRUE(fs_.list(target_.data).empty());
  }
  restore(stream_of(last, last));
  EXPECT_EQ(open_target()->version(), last);
}

/// Logs that end at the last commit, or claim more.
class last_version_of_a_log : public test::log_fixture {
 protected:
  void put_file(commit_id first, std::span<const std::byte> frame) {
    std::vector<std::byte> bytes(oplog_format::file_header_bytes);
    oplog_format::encode_file_header(first, bytes);
    bytes.insert(bytes.end(), frame.begin(), frame.end());
    posix_file_system().create(folder_ / oplog_format::file_name(first))->write_at(0, bytes);
  }
  /// Empty commits.
  static std::vector<std::byte> frame(commit_id first, uint32_t count) {
    oplog_format::frame_header header;
    header.payload_bytes = count * static_cast<uint32_t>(oplog_format::commit_header_bytes(oplog_format::version));
    header.num_commits = count;
    header.begin = first;
    std::vector<std::byte> bytes(header.frame_bytes());
    std::byte* at = bytes.data() + oplog_format::frame_header_bytes;
    for (uint32_t i = 0; i < count; i++)
      at = oplog_format::put_commit(make_commit(first + i, make_changes({})), at);
    header.payload_checksum =
        checksum(std::span<const std::byte>(bytes).subspan(oplog_format::frame_header_bytes, header.payload_bytes));
    oplog_format::encode_frame_header(header, bytes);
    return bytes;
  }
};

TEST_F(last_version_of_a_log, is_the_end_of_it) {
  put_file(last - 3, frame(last - 3, 4));
  {
    const auto o = open(last - 4);
    ASSERT_EQ(o.commits.size(), 4u);
    EXPECT_EQ(o.log->last_commit(), last);
    const error e = error_of([&] { o.log->append({{{last, UINT64_MAX, make_changes({})}}}); });
    EXPECT_EQ(e.code(), errc::read_only);
    EXPECT_THAT(e.what(), HasSubstr(folder_.path().string()));
    EXPECT_FALSE(o.log->is_broken());
    o.log->close();
  }
  EXPECT_EQ(open(last - 4).commits.size(), 4u);
}

TEST_F(last_version_of_a_log, frames_beyond_it_are_damage) {
  for (const uint32_t count : {5u, 6u, 100u}) {
    put_file(last - 3, frame(last - 3, count));
    const error e = open_error(last - 4);
    EXPECT_EQ(e.code(), errc::corrupt_data);
    EXPECT_THAT(e.what(), HasSubstr("offset 32"));
  }
}

TEST_F(last_version_of_a_log, a_jump_beyond_it_is_damage) {
  auto bytes = frame(last - 3, 1);
  const commit_id beyond = UINT64_MAX;
  std::memcpy(bytes.data() + oplog_format::frame_header_bytes + sizeof(uint32_t), &beyond, sizeof beyond);
  const auto payload = std::span<const std::byte>(bytes).subspan(
      oplog_format::frame_header_bytes, oplog_format::commit_header_bytes(oplog_format::version));
  oplog_format::frame_header header;
  ASSERT_TRUE(oplog_format::decode_frame_header(bytes, header));
  header.payload_checksum = checksum(payload);
  oplog_format::encode_frame_header(header, bytes);
  put_file(last - 3, bytes);
  const error e = open_error(last - 4);
  EXPECT_EQ(e.code(), errc::corrupt_data);
  EXPECT_THAT(e.what(), HasSubstr("a commit that none could follow"));
}

TEST_F(last_version_of_a_log, files_beyond_it_are_damage) {
  put_file(UINT64_MAX, {});
  EXPECT_EQ(open_error(last).code(), errc::corrupt_data);
}

TEST_F(last_version_of_a_log, seals_beyond_it_are_damage) {
  std::byte bytes[oplog_format::seal_bytes];
  oplog_format::encode_seal({UINT64_MAX, 0, 0}, bytes);
  posix_file_system().create(folder_ / std::string(oplog_format::seal_name))->write_at(0, bytes);
  for (const commit_id after : {commit_id{0}, last}) EXPECT_EQ(open_error(after).code(), errc::corrupt_data);
}

TEST(last_version, of_generations) {
  const test::temporary_folder temporary;
  file_system& fs = posix_file_system();
  data_folder folder(fs, temporary.path());
  EXPECT_EQ(error_of([&] { folder.create("main", {false, UINT64_MAX}); }).code(), errc::generation_not_allowed);
  EXPECT_FALSE(fs.exists(temporary / "main"));
  EXPECT_EQ(folder.create("main", {false, last}).record.generation, last);
  EXPECT_EQ(error_of([&] { folder.create("main", {false, UINT64_MAX}); }).code(), errc::generation_not_allowed);
  ASSERT_TRUE(folder.erase("main"));
  EXPECT_EQ(error_of([&] { folder.create("main", {}); }).code(), errc::generation_not_allowed);
  EXPECT_EQ(error_of([&] { folder.stage("main"); }).code(), errc::generation_not_allowed);

  folder.create("other", {});
  const path record = temporary / "other" / std::string(data_folder::current_name);
  replace_file(fs, record, dump_checked_json({{"generation", UINT64_MAX}, {"deleted", false}}, 1));
  const error e = error_of([&] { read_index_record(fs, temporary.path(), "other"); });
  EXPECT_EQ(e.code(), errc::corrupt_data);
  EXPECT_THAT(e.what(), HasSubstr(record.string()));
}

/// The largest document id is one like any other.
TEST(last_version, is_no_matter_of_documents) {
  const auto s = test::make_segment(test::make_commit(1, {{UINT32_MAX, {0, UINT32_MAX}}, {1, {UINT32_MAX}}}));
  EXPECT_EQ(s->find(UINT32_MAX)->commit, 1u);
  EXPECT_EQ(s->info().max_document, UINT32_MAX);
}

}  // namespace
}  // namespace fp
