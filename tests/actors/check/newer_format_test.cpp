#include <gmock/gmock.h>

#include <cstring>

#include "core/base/checksum.hpp"
#include "core/check/check.hpp"
#include "core/check/repair.hpp"
#include "core/index/checked_json.hpp"
#include "core/oplog/oplog_format.hpp"
#include "core/segment/segment_format.hpp"
#include "tests/actors/support/folder_at_rest.hpp"
#include "tests/core/support/error_of.hpp"

namespace fp {
namespace {

using test::acting_node;
using test::error_of;
using testing::HasSubstr;

const std::string newer_segment = "format " + std::to_string(segment_format_version + 1) + ", this build reads ";
const std::string newer_log =
    "format version " + std::to_string(oplog_format::version + 1) + "; this program knows ";

/// Two indexes that were closed cleanly: one of a segment and a log, one empty.
class newer_format : public test::folder_at_rest {
 protected:
  newer_format() : folder_at_rest("/node/data", 11) {
    acting_node node(fs_, root, options());
    create_both(node);
    update(node, 1);
    node.checkpoint("main");
    update(node, 1);
    node.close();
  }

  path only_file(const path& folder, std::string_view suffix) {
    const auto found = files_in(folder, suffix);
    EXPECT_EQ(found.size(), 1u);
    return found.empty() ? path() : found[0];
  }
  void put(const path& file, std::string_view text) {
    const auto out = fs_.create(file);
    out->write_at(0, std::as_bytes(std::span(text)));
    out->sync();
  }
  /// Puts the next version number into a header whose last 8 bytes are its checksum.
  void raise_binary(const path& file, size_t header_bytes) {
    std::string text = fs_.contents_of(file);
    text[8]++;
    const uint64_t sum = checksum(std::string_view(text).substr(0, header_bytes - 8));
    std::memcpy(text.data() + header_bytes - 8, &sum, sizeof sum);
    put(file, text);
  }
  void raise_json(const path& file, uint64_t by = 1) {
    uint64_t version = 0;
    const auto object = parse_checked_json(fs_.contents_of(file), {1, UINT64_MAX}, file, &version);
    put(file, dump_checked_json(object, version + by));
  }
  std::map<path, std::string> all_files() {
    std::map<path, std::string> all;
    for (const path& folder : {root / "main", folders_.data, folders_.oplog}) {
      for (const std::string& name : fs_.list(folder)) {
        if (!fs_.is_directory(folder / name)) all[folder / name] = fs_.contents_of(folder / name);
      }
    }
    return all;
  }

  /// Whoever meets the file names it and says that it is newer, and leaves every file of the index as it was.
  void expect_refused(const path& file, const std::string& newer = "version") {
    SCOPED_TRACE(file);
    const auto before = all_files();
    {
      acting_node node(fs_, root, options());
      EXPECT_THAT(node.at("main").failure, testing::AllOf(HasSubstr(file.string()), HasSubstr(newer)));
      EXPECT_EQ(node.at("other").failure, "");
    }
    EXPECT_EQ(all_files(), before) << "a start changed something";
    const check_report report = check_data_folder(fs_, root);
    std::vector<path> refused;
    for (const checked_file& f : report.indexes.at(0).files) {
      if (f.verdict == file_verdict::damaged) refused.push_back(f.file);
    }
    EXPECT_EQ(refused, std::vector{file});
    EXPECT_EQ(all_files(), before) << "check changed something";
  }
  template <class F>
  void expect_not_repaired(F&& repair) {
    const auto before = all_files();
    EXPECT_EQ(error_of(repair).code(), errc::unsupported_format);
    EXPECT_EQ(all_files(), before) << "repair changed something";
  }
  void cut() { cut_log(fs_, root, "main"); }
  void drop(const path& segment) { drop_segment(fs_, root, "main", segment.filename().string()); }
};

TEST_F(newer_format, of_a_segment) {
  const path file = only_file(folders_.data, ".seg");
  raise_binary(file, segment_header_bytes);
  expect_refused(file, newer_segment);
  expect_not_repaired([&] { drop(file); });
}

TEST_F(newer_format, of_the_log) {
  const path file = only_file(folders_.oplog, ".log");
  raise_binary(file, oplog_format::file_header_bytes);
  expect_refused(file, newer_log);
  expect_not_repaired([&] { cut(); });
}

TEST_F(newer_format, of_the_seal) {
  const path file = folders_.oplog / oplog_format::seal_name;
  raise_binary(file, oplog_format::seal_bytes);
  expect_refused(file, newer_log);
  expect_not_repaired([&] { cut(); });
}

TEST_F(newer_format, of_the_manifest) {
  const path file = folders_.data / manifest_file_name;
  raise_json(file);
  expect_refused(file);
  expect_not_repaired([&] { cut(); });
  expect_not_repaired([&] { drop(only_file(folders_.data, ".seg")); });
}

TEST_F(newer_format, of_the_record_of_the_index) {
  const path file = root / "main" / "current";
  // Those between are of replicas.
  raise_json(file, data_folder::slice_record_version);
  expect_refused(file);
  expect_not_repaired([&] { cut(); });
  expect_not_repaired([&] { drop(only_file(folders_.data, ".seg")); });
}

/// What the tests above raise is what stands in the way: with the old number all is served again.
TEST_F(newer_format, gives_way_to_the_program_that_knows_it) {
  const path file = only_file(folders_.data, ".seg");
  const std::string before = fs_.contents_of(file);
  raise_binary(file, segment_header_bytes);
  expect_refused(file, newer_segment);
  put(file, before);
  acting_node node(fs_, root, options());
  EXPECT_EQ(test::difference(*node.at("main").current, models_.back()), "");
}

}  // namespace
}  // namespace fp
