#include "core/check/check.hpp"

#include <gmock/gmock.h>
#include <algorithm>

#include "core/check/repair.hpp"
#include "core/oplog/oplog_format.hpp"
#include "tests/actors/support/folder_at_rest.hpp"
#include "tests/core/support/error_of.hpp"

namespace fp {
namespace {

using test::acting_node;
using test::error_of;
using test::volatile_file_system;
using testing::HasSubstr;

/// Two indexes, one of two segments and a log of several files; no node runs.
class Check : public test::folder_at_rest {
 protected:
  /// A name in which nobody may look for an offset.
  Check() : folder_at_rest("/node/offset 7/data", 5) {
    acting_node node(fs_, root, options());
    fill(node);
  }

  check_report check() { return check_data_folder(fs_, root); }
  void flip(const path& file, uint64_t at) {
    std::byte b;
    fs_.open(file)->read_at(at, {&b, 1});
    b ^= std::byte{1};
    fs_.open_for_writing(file)->write_at(at, {&b, 1});
  }
  /// The one damaged file; the test fails when there is another number of them.
  checked_file only_damage(const check_report& report) {
    std::vector<checked_file> damaged;
    for (const auto& i : report.indexes) {
      for (const auto& f : i.files) {
        if (f.verdict == file_verdict::damaged) damaged.push_back(f);
      }
    }
    EXPECT_EQ(damaged.size(), 1u);
    EXPECT_TRUE(report.is_damaged());
    return damaged.empty() ? checked_file{} : damaged[0];
  }
  void expect_served(commit_id version) {
    acting_node node(fs_, root, options());
    EXPECT_EQ(test::difference(*node.at("main").current, models_[version]), "");
    const commit next = test::make_commit(version + 1, {{5, {1, 2}}});
    node.update("main", {next});
    node.checkpoint("main");
  }
};

TEST_F(Check, FindsAGoodFolderGoodAndChangesNothing) {
  bool changed = false;
  const path stray = folders_.data / "0000000000000009-0000000000000009.seg";
  fs_.create(stray);
  fs_.create(root / "note.txt");
  fs_.create_directories(root / "main" / "v7" / "data");
  fs_.before_change = [&] { changed = true; };
  uint64_t last = 0, total = 0;
  check_options options;
  options.take_lock = false;
  options.on_progress = [&](uint64_t done, uint64_t all) {
    EXPECT_GE(done, last);
    EXPECT_LE(done, all);
    last = done;
    total = all;
  };
  const check_report report = check_data_folder(fs_, root, options);
  EXPECT_FALSE(changed);
  EXPECT_EQ(last, total);
  EXPECT_GT(total, 8000u);
  EXPECT_FALSE(report.is_damaged());
  ASSERT_EQ(report.others.size(), 1u);
  EXPECT_EQ(report.others[0].file, root / "note.txt");
  ASSERT_EQ(report.indexes.size(), 2u);
  const checked_index& main = report.indexes[0];
  EXPECT_EQ(main.name, "main");
  EXPECT_EQ(main.generation, 1u);
  EXPECT_EQ(main.version, models_.back().version());
  size_t num_fine = 0;
  std::vector<path> garbage;
  for (const checked_file& f : main.files) {
    num_fine += f.verdict == file_verdict::fine;
    if (f.verdict == file_verdict::not_referenced) garbage.push_back(f.file);
  }
  EXPECT_EQ(num_fine, 2 + 2 + files_in(folders_.oplog, ".log").size());
  EXPECT_THAT(garbage, testing::UnorderedElementsAre(stray, root / "main" / "v7"));
}

TEST_F(Check, NamesEachDamagedFileWithItsPlace) {
  std::vector<path> all = files_in(folders_.data, ".seg");
  for (const path& log : files_in(folders_.oplog, ".log")) all.push_back(log);
  all.push_back(folders_.data / manifest_file_name);
  all.push_back(root / "main" / "current");
  for (const path& file : all) {
    flip(file, 20);
    const checked_file damage = only_damage(check());
    EXPECT_EQ(damage.file, file);
    EXPECT_THAT(damage.reason, HasSubstr(file.string()));
    const bool is_binary = file.extension() == ".seg" || file.extension() == ".log";
    EXPECT_EQ(damage.offset.has_value(), is_binary) << file;
    flip(file, 20);
  }
  EXPECT_FALSE(check().is_damaged());
}

TEST_F(Check, NoticesAMissingSegmentAndFilesBehindDamage) {
  const auto logs = files_in(folders_.oplog, ".log");
  ASSERT_GE(logs.size(), 3u);
  flip(logs[logs.size() - 2], 40);
  const check_report report = check();
  EXPECT_EQ(only_damage(report).file, logs[logs.size() - 2]);
  const auto& files = report.indexes[0].files;
  EXPECT_TRUE(std::any_of(files.begin(), files.end(), [&](const checked_file& f) {
    return f.file == logs.back() && f.verdict == file_verdict::not_reached;
  }));
  flip(logs[logs.size() - 2], 40);
  const path segment = files_in(folders_.data, ".seg")[0];
  fs_.remove(segment);
  EXPECT_EQ(only_damage(check()).file, segment);
}

TEST_F(Check, KeepsOutOfAFolderInUse) {
  const acting_node node(fs_, root, options());
  EXPECT_EQ(error_of([&] { check(); }).code(), errc::data_folder_locked);
  check_options options;
  options.take_lock = false;
  EXPECT_FALSE(check_data_folder(fs_, root, options).is_damaged());
  EXPECT_EQ(error_of([&] { cut_log(fs_, root, "main"); }).code(), errc::data_folder_locked);
}

TEST_F(Check, LooksAtOneIndexOnRequest) {
  flip(root / "other" / "current", 5);
  check_options options;
  options.index = "main";
  EXPECT_FALSE(check_data_folder(fs_, root, options).is_damaged());
  options.index = "other";
  EXPECT_TRUE(check_data_folder(fs_, root, options).is_damaged());
  options.index = "none";
  EXPECT_EQ(error_of([&] { check_data_folder(fs_, root, options); }).code(), errc::index_not_found);
}

TEST_F(Check, CanBeCancelled) {
  const cancel_flag cancel = true;
  check_options options;
  options.cancel = &cancel;
  EXPECT_EQ(error_of([&] { check_data_folder(fs_, root, options); }).code(), errc::cancelled);
}

TEST_F(Check, RepairRefusesWhatIsNotDamaged) {
  EXPECT_EQ(error_of([&] { cut_log(fs_, root, "main"); }).code(), errc::bad_request);
  EXPECT_EQ(error_of([&] { cut_log(fs_, root, "none"); }).code(), errc::index_not_found);
  const std::string segment = files_in(folders_.data, ".seg")[0].filename().string();
  EXPECT_EQ(error_of([&] { drop_segment(fs_, root, "main", segment); }).code(), errc::bad_request);
  EXPECT_EQ(error_of([&] { drop_segment(fs_, root, "main", "x.seg"); }).code(), errc::bad_request);
}

TEST_F(Check, CutLogKeepsWhatIsBeforeAndTellsWhatIsLost) {
  const auto logs = files_in(folders_.oplog, ".log");
  const volatile_file_system pristine(fs_);
  size_t num_cut = 0;
  for (size_t i = 0; i < logs.size(); i++) {
    for (uint64_t at = 0; at < pristine.contents_of(logs[i]).size(); at += 61) {
      volatile_file_system fs(pristine);
      std::string text = read_file(fs, logs[i]);
      text[at] = static_cast<char>(text[at] ^ 4);
      fs.create(logs[i])->write_at(0, std::as_bytes(std::span(text)));
      if (!check_data_folder(fs, root).is_damaged()) continue;
      num_cut++;
      const repair_report report = cut_log(fs, root, "main");
      EXPECT_FALSE(check_data_folder(fs, root).is_damaged());
      ASSERT_EQ(report.kept_files.size(), logs.size() - i);
      EXPECT_EQ(read_file(fs, report.kept_files[0]), text);
      acting_node node(fs, root, options());
      const commit_id version = node.at("main").current->version();
      ASSERT_LT(version, models_.size() - 1);
      EXPECT_EQ(test::difference(*node.at("main").current, models_[version]), "");
      EXPECT_EQ(report.first_lost, version + 1);
      EXPECT_LE(report.last_lost, models_.back().version());
      if (i + 1 < logs.size()) {
        EXPECT_EQ(report.last_lost, models_.back().version());
      }
      node.update("main", {test::make_commit(version + 1, {{5, {1, 2}}})});
    }
  }
  EXPECT_GT(num_cut, 20u);
}

TEST_F(Check, CutLogOfAClosedLogKnowsTheLastCommit) {
  acting_node(fs_, root, options()).close();
  const path newest = files_in(folders_.oplog, ".log").back();
  flip(newest, fs_.file_size(newest) - 40);
  const repair_report report = cut_log(fs_, root, "main");
  EXPECT_TRUE(report.is_last_known);
  EXPECT_EQ(report.last_lost, models_.back().version());
  EXPECT_EQ(report.first_lost, report.last_lost);
  expect_served(report.first_lost - 1);
}

TEST_F(Check, DropSegmentLeavesAnIndexThatGoesOn) {
  for (const bool is_missing : {false, true}) {
    const path file = files_in(folders_.data, ".seg")[is_missing ? 1 : 0];
    const std::string before = read_file(fs_, file);
    if (is_missing) {
      fs_.remove(file);
    } else {
      flip(file, 4200);
    }
    const repair_report report = drop_segment(fs_, root, "main", file.filename().string());
    EXPECT_EQ(report.first_lost, is_missing ? 3u : 1u);
    EXPECT_EQ(report.last_lost, is_missing ? 4u : 2u);
    EXPECT_GT(report.num_documents, 0u);
    ASSERT_EQ(report.kept_files.size(), is_missing ? 0u : 1u);
    if (!is_missing) {
      EXPECT_EQ(read_file(fs_, report.kept_files[0]).size(), before.size());
    }
    EXPECT_FALSE(check().is_damaged());
    acting_node node(fs_, root, options());
    const auto& found = node.at("main");
    ASSERT_EQ(found.failure, "");
    EXPECT_EQ(found.current->version(), models_.back().version());
    for (const auto& [id, document] : models_.back().documents()) {
      const bool is_lost = document.commit <= report.last_lost;
      EXPECT_TRUE(is_lost || found.current->find(id)) << id;
    }
  }
}

}  // namespace
}  // namespace fp
