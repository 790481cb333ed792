#include <gmock/gmock.h>
#include <algorithm>

#include <map>

#include "core/check/check.hpp"
#include "core/check/repair.hpp"
#include "tests/actors/support/folder_at_rest.hpp"
#include "tests/core/support/crafted_segment.hpp"
#include "tests/core/support/error_of.hpp"
#include "tests/core/support/faulty_file_system.hpp"

namespace fp {
namespace {

using test::acting_node;
using test::faulty_file_system;
using testing::HasSubstr;

/// Two indexes, one of two segments and a log of several files, below a disk whose calls fail.
class bad_disk : public test::folder_at_rest {
 protected:
  bad_disk() : folder_at_rest("/node/data", 5) {
    acting_node node(fs_, root, options());
    fill(node);
    node.close();
    fs_.create(root / "note.txt");
  }

  using rows = std::map<path, checked_file>;
  static rows rows_of(const check_report& report) {
    rows all;
    for (const auto& f : report.others) all.emplace(f.file, f);
    for (const auto& i : report.indexes) {
      for (const auto& f : i.files) all.emplace(f.file, f);
    }
    return all;
  }
  static bool is_told(const rows& all) {
    return std::ranges::any_of(
        all, [](const auto& row) { return row.second.reason.find("injected failure") != std::string::npos; });
  }
  static bool is_below(const path& file, const path& folder) {
    return file == folder || file.string().starts_with(folder.string() + "/");
  }
  void put(const path& file, std::span<const std::byte> bytes) { fs_.create(file)->write_at(0, bytes); }

  faulty_file_system faulty_{fs_};
};

/// What a bad block hits is told of, and everything else as if it were not there.
TEST_F(bad_disk, any_call_of_a_check_may_fail) {
  const rows whole = rows_of(check_data_folder(faulty_, root));
  const uint64_t num_operations = faulty_.num_operations();
  ASSERT_GT(num_operations, 50u);
  for (uint64_t nth = 1; nth <= num_operations; nth++) {
    faulty_.reset_counts();
    faulty_.fail(nth);
    const auto report = check_data_folder(faulty_, root);
    const path hit = faulty_.history().at(nth - 1).file;
    SCOPED_TRACE("call " + std::to_string(nth) + ", of " + hit.string());
    const rows found = rows_of(report);
    EXPECT_TRUE(is_told(found));
    EXPECT_TRUE(report.is_damaged());
    for (const auto& [file, expected] : whole) {
      const auto row = found.find(file);
      const bool is_hit = is_below(file, hit);
      EXPECT_TRUE(is_hit || row != found.end()) << file;
      if (is_hit || row == found.end()) continue;
      const bool is_behind =
          file.parent_path() == hit.parent_path() && hit < file && row->second.verdict == file_verdict::not_reached;
      EXPECT_TRUE(is_behind || row->second.verdict == expected.verdict)
          << file << ": " << to_string(row->second.verdict) << ", " << row->second.reason;
    }
    if (HasFailure()) break;
  }
}

TEST_F(bad_disk, all_calls_from_one_on_may_fail) {
  check_data_folder(faulty_, root);
  const uint64_t num_operations = faulty_.num_operations();
  for (uint64_t nth = 1; nth <= num_operations; nth++) {
    faulty_.fail(nth, {.permanent = true});
    const auto report = check_data_folder(faulty_, root);
    EXPECT_TRUE(report.is_damaged()) << nth;
    EXPECT_TRUE(is_told(rows_of(report))) << nth;
  }
}

TEST_F(bad_disk, segments_and_log_are_read_without_what_names_them) {
  const path segment = files_in(folders_.data, ".seg")[1];
  const std::string good = read_file(fs_, segment);
  fs_.open_for_writing(segment)->write_at(good.size() - 1, std::as_bytes(std::span("!").first(1)));
  for (const path& lost : {folders_.data / manifest_file_name, root / "main" / "current"}) {
    const std::string before = read_file(fs_, lost);
    put(lost, std::as_bytes(std::span("x")));
    const rows found = rows_of(check_data_folder(fs_, root));
    EXPECT_EQ(found.at(lost).verdict, file_verdict::damaged);
    EXPECT_EQ(found.at(segment).verdict, file_verdict::damaged);
    EXPECT_EQ(found.at(files_in(folders_.data, ".seg")[0]).verdict, file_verdict::fine);
    for (const path& log : files_in(folders_.oplog, ".log")) {
      EXPECT_EQ(found.at(log).verdict, file_verdict::fine) << found.at(log).reason;
    }
    put(lost, std::as_bytes(std::span(before)));
  }
}

TEST_F(bad_disk, repairs_one_file_while_others_cannot_be_read) {
  const auto segments = files_in(folders_.data, ".seg");
  const auto logs = files_in(folders_.oplog, ".log");
  fs_.open_for_writing(segments[0])->write_at(4200, std::as_bytes(std::span("!!!!")));
  std::string name = segments[0].filename().string();
  drop_segment(fs_, root, "main", name);
  fs_.open_for_writing(logs.back())->write_at(40, std::as_bytes(std::span("!!!!")));
  fs_.remove(segments[1]);
  cut_log(fs_, root, "main");
  const rows found = rows_of(check_data_folder(fs_, root));
  EXPECT_EQ(found.at(segments[0]).verdict, file_verdict::fine);
  EXPECT_EQ(found.at(segments[1]).verdict, file_verdict::damaged);
}

/// Nothing of a log or segment that cannot be read is given up: another attempt, or another reader, may get at it.
TEST_F(bad_disk, repair_gives_nothing_up_that_was_not_read) {
  const std::string segment = files_in(folders_.data, ".seg")[0].filename().string();
  const test::volatile_file_system before(fs_);
  for (const bool of_log : {false, true}) {
    for (uint64_t nth = 1;; nth++) {
      test::volatile_file_system disk(before);
      faulty_file_system faulty(disk);
      faulty.fail(nth);
      const error e = test::error_of([&] {
        if (of_log) {
          cut_log(faulty, root, "main");
        } else {
          drop_segment(faulty, root, "main", segment);
        }
      });
      const bool is_hit = faulty.num_failed() > 0;
      EXPECT_EQ(e.code(), is_hit ? errc::io_error : errc::bad_request) << nth << ": " << e.what();
      EXPECT_FALSE(check_data_folder(disk, root).is_damaged()) << nth;
      if (!is_hit) break;
    }
  }
}

TEST_F(bad_disk, a_segment_with_postings_and_no_living_document) {
  const path file = files_in(folders_.data, ".seg")[0];
  manifest named = read_manifest(fs_, folders_.data);
  segment_shape shape;
  shape.first_commit = named.segments[0].info.first_commit;
  shape.last_commit = named.segments[0].info.last_commit;
  shape.hash_mask = 0xff;
  put(file, test::craft_segment(shape, {make_posting(1, 5)}, {{5, shape.first_commit, true}}));
  named.segments[0].info = open_segment(fs_, file, nullptr)->info();
  write_manifest(fs_, folders_.data, named);
  const rows found = rows_of(check_data_folder(fs_, root));
  EXPECT_EQ(found.at(file).verdict, file_verdict::damaged);
  EXPECT_THAT(found.at(file).reason, HasSubstr("document 5 is not in the segment"));
  drop_segment(fs_, root, "main", file.filename().string());
  EXPECT_FALSE(check_data_folder(fs_, root).is_damaged());
}

}  // namespace
}  // namespace fp
