#include "core/fpindex/data_folder_writer.hpp"

#include <gmock/gmock.h>

#include "core/fpindex/snapshot_writer.hpp"
#include "tests/core/fpindex/plain_snapshot.hpp"
#include "tests/core/support/commits.hpp"
#include "tests/core/support/error_of.hpp"
#include "tests/core/support/faulty_file_system.hpp"
#include "tests/core/support/temporary_folder.hpp"

namespace fp::fpindex {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::byte> snapshot_stream() {
  const auto index =
      snapshot::from_segments({test::make_segment(test::make_commit(1, {{1, {1, 2}}, {2, {3}}})),
                               test::make_segment(test::make_commit(2, test::documents{{3, {1}}}, {2}))});
  snapshot_writer writer(index, "main", 12);
  std::vector<std::byte> stream;
  while (!writer.at_end()) {
    const auto chunk = writer.next();
    stream.insert(stream.end(), chunk.begin(), chunk.end());
  }
  return stream;
}

class fpindex_data_folder : public ::testing::Test {
 protected:
  void add(data_folder_writer& writer, const std::string& name, std::span<const std::byte> stream) {
    message_pack_reader in("snapshot", stream);
    const auto header = read_snapshot_header(in);
    writer.add_index(name, header, in);
  }
  std::string text(const path& file) { return read_file(fs_, file); }
  std::vector<std::string> names() { return fs_.list(folder_ / ""); }

  const std::vector<std::byte> stream_ = snapshot_stream();
  test::temporary_folder folder_;
  file_system& fs_ = posix_file_system();
  const path target_ = folder_ / "out";
};

TEST_F(fpindex_data_folder, holds_what_fpindex_looks_for) {
  data_folder_writer writer(fs_, target_);
  add(writer, "main", stream_);
  add(writer, "other", stream_);
  EXPECT_THAT(names(), ElementsAre("out.export.tmp"));
  writer.finish();
  EXPECT_THAT(names(), ElementsAre("out"));
  EXPECT_THAT(fs_.list(target_), ElementsAre("main", "other"));
  EXPECT_EQ(text(target_ / "main" / "current"),
            "\x83\xa1n\xa4main\xa1g\x0c\xa1"
            "d\xc2");
  const path generation = target_ / "main" / "v000012";
  EXPECT_THAT(fs_.list(target_ / "main"), ElementsAre("current", "v000012"));
  EXPECT_THAT(fs_.list(generation), ElementsAre("data", "oplog"));
  EXPECT_THAT(fs_.list(generation / "oplog"), ElementsAre());
  EXPECT_THAT(fs_.list(generation / "data"),
              ElementsAre("0000000000000001-00000000.data", "0000000000000002-00000000.data", "manifest"));
  EXPECT_EQ(text(generation / "data" / "manifest"), std::string("\x92\x93\x01\x00\xc0\x93\x02\x00\xc0", 9));
  const auto original = test::read_plain_snapshot(stream_);
  const auto file = text(generation / "data" / "0000000000000002-00000000.data");
  const auto segment = test::read_plain_segment(std::as_bytes(std::span(file)));
  EXPECT_EQ(segment.items, original.segments[1].items);
  EXPECT_EQ(segment.documents, original.segments[1].documents);
}

TEST_F(fpindex_data_folder, takes_an_empty_folder_and_no_other_place) {
  fs_.create_directories(target_);
  {
    data_folder_writer writer(fs_, target_ / "");
    add(writer, "main", stream_);
    writer.finish();
  }
  const auto again = test::error_of([&] { data_folder_writer(fs_, target_); });
  EXPECT_EQ(again.code(), errc::io_error);
  EXPECT_THAT(again.what(), HasSubstr("out is there already and is no empty folder"));
  EXPECT_EQ(test::error_of([&] { data_folder_writer(fs_, target_ / "main" / "current"); }).code(), errc::io_error);
  EXPECT_THAT(names(), ElementsAre("out"));
}

TEST_F(fpindex_data_folder, what_was_not_finished_is_not_there) {
  {
    data_folder_writer writer(fs_, target_);
    add(writer, "main", stream_);
  }
  EXPECT_THAT(names(), ElementsAre());
  // What a killed run left.
  fs_.create_directories(folder_ / "out.export.tmp" / "left");
  data_folder_writer writer(fs_, target_);
  add(writer, "main", stream_);
  writer.finish();
  EXPECT_THAT(fs_.list(target_), ElementsAre("main"));
}

TEST_F(fpindex_data_folder, streams_that_end_early_or_late_are_refused) {
  for (const size_t size : {stream_.size() - 1, stream_.size() / 2}) {
    data_folder_writer writer(fs_, target_);
    const auto e = test::error_of([&] { add(writer, "main", std::span(stream_).first(size)); });
    EXPECT_EQ(e.code(), errc::corrupt_data);
  }
  auto longer = stream_;
  longer.push_back({});
  data_folder_writer writer(fs_, target_);
  EXPECT_THAT(test::error_of([&] { add(writer, "main", longer); }).what(), HasSubstr("behind its last segment"));
}

TEST_F(fpindex_data_folder, is_whole_or_absent_whatever_fails) {
  test::faulty_file_system faulty(fs_);
  const auto run = [&] {
    data_folder_writer writer(faulty, target_);
    add(writer, "main", stream_);
    writer.finish();
  };
  run();
  const uint64_t operations = faulty.num_operations();
  ASSERT_GT(operations, 20u);
  fs_.remove_all(target_);
  for (uint64_t n = 1; n <= operations; n++) {
    SCOPED_TRACE(n);
    faulty.fail(n);
    try {
      run();
    } catch (const error& e) {
      EXPECT_EQ(e.code(), errc::io_error);
    }
    if (fs_.exists(target_)) {
      EXPECT_THAT(fs_.list(target_ / "main"), ElementsAre("current", "v000012"));
    }
    fs_.remove_all(target_);
  }
}

}  // namespace
}  // namespace fp::fpindex
