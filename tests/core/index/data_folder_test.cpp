#include "core/index/data_folder.hpp"

#include <gtest/gtest.h>
#include <algorithm>

#include "core/base/error.hpp"
#include "core/index/checked_json.hpp"
#include "core/index/manifest.hpp"
#include "tests/core/support/faulty_file_system.hpp"
#include "tests/core/support/temporary_folder.hpp"
#include "tests/core/support/volatile_file_system.hpp"

namespace fp {
namespace {

template <class F>
errc code_of(F&& operation) {
  try {
    operation();
  } catch (const error& e) {
    EXPECT_NE(std::string(e.what()), "");
    return e.code();
  }
  ADD_FAILURE() << "nothing was thrown";
  return errc::internal_error;
}

class data_folder_test : public ::testing::Test {
 protected:
  path root() const { return temporary_ / "root"; }
  data_folder open() { return data_folder(fs_, root()); }
  void put(const path& file, std::string_view contents = "x") {
    fs_.create_directories((root() / file).parent_path());
    replace_file(fs_, root() / file, contents);
  }

  test::temporary_folder temporary_;
  file_system& fs_ = posix_file_system();
};

TEST_F(data_folder_test, index_names) {
  for (const std::string& name : {std::string("a"), std::string("main"), std::string("A-Z_09"), std::string("-"),
                                  std::string("lock"), std::string("current"), std::string(255, 'x')}) {
    EXPECT_TRUE(is_valid_index_name(name));
    EXPECT_NO_THROW(require_valid_index_name(name));
    auto folder = open();
    EXPECT_TRUE(folder.create(name, {}).created) << name;
    EXPECT_EQ(folder.scan().indexes.back().deleted, false);
  }
  for (const std::string& name : {std::string(), std::string("."), std::string(".."), std::string("a/b"),
                                  std::string("a b"), std::string(256, 'x'), std::string("\xc3\xa4"),
                                  std::string("a\n"), std::string("a\0b", 3), std::string(".lock")}) {
    EXPECT_FALSE(is_valid_index_name(name));
    EXPECT_EQ(code_of([&] { require_valid_index_name(name); }), errc::invalid_index_name);
    auto folder = open();
    EXPECT_EQ(code_of([&] { folder.create(name, {}); }), errc::invalid_index_name);
    EXPECT_EQ(code_of([&] { folder.erase(name); }), errc::invalid_index_name);
    EXPECT_EQ(code_of([&] { folder.remove_generation(name, 1); }), errc::invalid_index_name);
  }
  try {
    require_valid_index_name("a\n\"\x7f");
  } catch (const error& e) {
    EXPECT_NE(std::string(e.what()).find(R"("a\x0a\x22\x7f")"), std::string::npos) << e.what();
  }
}

TEST_F(data_folder_test, only_one_holder) {
  {
    const auto folder = open();
    EXPECT_EQ(code_of([&] { open(); }), errc::data_folder_locked);
  }
  open();
  fs_.create(temporary_ / "file");
  EXPECT_EQ(code_of([&] { data_folder(fs_, temporary_ / "file"); }), errc::io_error);
}

TEST_F(data_folder_test, create_makes_an_empty_index) {
  auto folder = open();
  EXPECT_TRUE(folder.scan().indexes.empty());
  const auto made = folder.create("main", {});
  EXPECT_TRUE(made.created);
  EXPECT_EQ(made.record, (index_record{"main", 1, false}));
  const index_folders folders = folder.folders(made.record);
  EXPECT_EQ(folders.data, root() / "main" / "v1" / "data");
  EXPECT_EQ(folders.oplog, root() / "main" / "v1" / "oplog");
  EXPECT_TRUE(fs_.exists(folders.data / manifest_file_name));
  EXPECT_EQ(read_manifest(fs_, folders.data), manifest{});
  EXPECT_TRUE(fs_.list(folders.oplog).empty());
  const auto again = folder.create("main", {});
  EXPECT_FALSE(again.created);
  EXPECT_EQ(again.record, made.record);
  EXPECT_EQ(folder.scan().indexes, std::vector<index_record>{made.record});
}

TEST_F(data_folder_test, generations) {
  auto folder = open();
  const auto create = [&](std::optional<uint64_t> generation, bool expect_does_not_exist = false) {
    return folder.create("a", {expect_does_not_exist, generation}).record.generation;
  };
  EXPECT_EQ(code_of([&] { create(0); }), errc::generation_not_allowed);
  EXPECT_EQ(create(5, true), 5u);
  EXPECT_EQ(code_of([&] { create(std::nullopt, true); }), errc::index_already_exists);
  EXPECT_EQ(code_of([&] { create(5, true); }), errc::index_already_exists);
  EXPECT_EQ(code_of([&] { create(0); }), errc::generation_not_allowed);
  EXPECT_EQ(code_of([&] { create(4); }), errc::older_index_already_exists);
  EXPECT_EQ(code_of([&] { create(6); }), errc::newer_index_already_exists);
  EXPECT_EQ(create(5), 5u);
  EXPECT_EQ(create(std::nullopt), 5u);

  EXPECT_EQ(folder.erase("a"), (index_record{"a", 5, false}));
  EXPECT_FALSE(folder.erase("a"));
  EXPECT_FALSE(folder.erase("none"));
  EXPECT_EQ(code_of([&] { create(4); }), errc::older_index_already_exists);
  EXPECT_EQ(code_of([&] { create(5); }), errc::older_index_already_exists);
  EXPECT_EQ(folder.scan().indexes, (std::vector<index_record>{{"a", 5, true}}));
  EXPECT_EQ(create(std::nullopt, true), 6u);
  folder.erase("a");
  EXPECT_EQ(create(100), 100u);
  folder.erase("a");
  EXPECT_EQ(code_of([&] { create(UINT64_MAX); }), errc::generation_not_allowed);
  EXPECT_EQ(create(max_generation), max_generation);
  folder.erase("a");
  EXPECT_EQ(code_of([&] { create(std::nullopt); }), errc::generation_not_allowed);
  EXPECT_EQ(code_of([&] { create(7); }), errc::generation_not_allowed);
}

TEST_F(data_folder_test, a_delete_is_durable_and_its_files_go_later) {
  index_record live;
  {
    auto folder = open();
    const auto first = folder.create("a", {}).record;
    EXPECT_EQ(code_of([&] { folder.remove_generation("a", 1); }), errc::internal_error);
    folder.erase("a");
    EXPECT_TRUE(fs_.exists(folder.folders(first).data));
  }
  {
    auto folder = open();
    EXPECT_EQ(folder.scan().indexes, (std::vector<index_record>{{"a", 1, true}}));
    live = folder.create("a", {}).record;
    EXPECT_EQ(live.generation, 2u);
    EXPECT_EQ(fs_.list(root() / "a"), (std::vector<std::string>{"current", "v1", "v2"}));
    folder.remove_generation("a", 1);
    EXPECT_EQ(fs_.list(root() / "a"), (std::vector<std::string>{"current", "v2"}));
  }
  put("a/v1/data/x.seg");
  put("a/v7/data/x.seg");
  put("a/current.tmp");
  put("a/v07");
  put("a/notes");
  auto folder = open();
  folder.sweep(live);
  EXPECT_EQ(fs_.list(root() / "a"), (std::vector<std::string>{"current", "notes", "v07", "v2"}));
  folder.erase("a");
  folder.sweep({"a", 2, true});
  EXPECT_EQ(fs_.list(root() / "a"), (std::vector<std::string>{"current", "notes", "v07"}));
  EXPECT_EQ(folder.scan().indexes, (std::vector<index_record>{{"a", 2, true}}));
}

// Names stay used for ever, so that a node may have many of them.
TEST_F(data_folder_test, a_scan_waits_for_the_disk_only_where_a_record_may_not_be_durable) {
  test::faulty_file_system counted(fs_);
  data_folder folder(counted, root());
  for (const std::string name : {"a", "b", "c"}) folder.create(name, {});
  folder.erase("b");
  folder.remove_generation("b", 1);
  folder.erase("c");
  const auto synced_by_scan = [&] {
    counted.reset_counts();
    folder.scan();
    std::vector<path> synced;
    for (const auto& done : counted.history()) {
      if (done.operation == test::fs_operation::sync_directory) synced.push_back(done.file);
    }
    return synced;
  };
  EXPECT_EQ(synced_by_scan(), (std::vector<path>{root(), root() / "a", root() / "c"}));
  folder.sweep({"c", 1, true});
  EXPECT_EQ(synced_by_scan(), (std::vector<path>{root(), root() / "a"}));
}

TEST_F(data_folder_test, a_delete_that_a_scan_has_found_survives_a_power_failure) {
  const path root = "/root";
  test::volatile_file_system disk;
  std::vector<std::unique_ptr<test::volatile_file_system>> killed;
  {
    data_folder folder(disk, root);
    folder.create("a", {});
    disk.before_change = [&] { killed.push_back(std::make_unique<test::volatile_file_system>(disk)); };
    folder.erase("a");
    folder.remove_generation("a", 1);
    folder.create("a", {});
    folder.erase("a");
    folder.remove_generation("a", 2);
    disk.before_change = nullptr;
  }
  EXPECT_GT(killed.size(), 20u);
  for (size_t n = 0; n < killed.size(); n++) {
    SCOPED_TRACE(n);
    std::vector<index_record> found;
    for (int starts = 0; starts < 2; starts++) {
      data_folder folder(*killed[n], root);
      const auto scanned = folder.scan();
      EXPECT_TRUE(scanned.damaged.empty());
      EXPECT_TRUE(starts == 0 || scanned.indexes == found);
      found = scanned.indexes;
      for (const auto& record : found) folder.sweep(record);
    }
    killed[n]->lose_power(test::power_failure::loses_all);
    const auto left = data_folder(*killed[n], root).scan();
    EXPECT_EQ(left.indexes, found);
    EXPECT_TRUE(left.damaged.empty());
  }
}

TEST_F(data_folder_test, scan_tells_indexes_damage_and_other_things) {
  {
    auto folder = open();
    for (const char* name : {"good", "flipped", "lost", "newer", "half"}) folder.create(name, {});
  }
  put("flipped/current", "{}");
  put("lost/v1/data/" + segment_file_name(1, 1));
  fs_.remove(root() / "lost" / "current");
  put("newer/current",
      dump_checked_json({{"generation", 1}, {"deleted", false}}, data_folder::slice_record_version + 1));
  fs_.remove(root() / "half" / "current");
  put("half/v1/data/x.seg.tmp");
  put("half/current.tmp");
  fs_.create_directories(root() / "empty");
  put("only_logs/v3/oplog/0000000000000001.log");
  put("music/album/song");
  put("not an index/current");
  put("a_file");
  put(".changelog/meta");
  put(".bootstrap.tmp/a/0.seg");

  auto folder = open();
  for (int i = 0; i < 2; i++) {
    const auto found = folder.scan();
    EXPECT_EQ(found.indexes, (std::vector<index_record>{{"good", 1, false}}));
    std::vector<std::string> damaged;
    for (const auto& [name, reason] : found.damaged) {
      damaged.push_back(name);
      EXPECT_NE(reason.find((root() / name).string()), std::string::npos) << reason;
    }
    EXPECT_EQ(damaged, (std::vector<std::string>{"flipped", "lost", "newer", "only_logs"}));
    EXPECT_EQ(found.unexpected, (std::vector<std::string>{"a_file", "music", "not an index"}));
    EXPECT_FALSE(fs_.exists(root() / "half"));
    EXPECT_FALSE(fs_.exists(root() / ".bootstrap.tmp"));
    EXPECT_TRUE(fs_.exists(root() / ".changelog" / "meta"));
    EXPECT_FALSE(fs_.exists(root() / "empty"));
    EXPECT_TRUE(fs_.exists(root() / "music" / "album" / "song"));
  }
  for (const char* name : {"flipped", "lost", "only_logs"}) {
    EXPECT_EQ(code_of([&] { folder.create(name, {}); }), errc::corrupt_data);
    EXPECT_EQ(code_of([&] { folder.erase(name); }), errc::corrupt_data);
  }
  EXPECT_EQ(code_of([&] { folder.create("newer", {}); }), errc::unsupported_format);
  EXPECT_EQ(code_of([&] { folder.create("music", {}); }), errc::io_error);
  EXPECT_EQ(code_of([&] { folder.create("a_file", {}); }), errc::io_error);
  EXPECT_TRUE(fs_.exists(root() / "music" / "album" / "song"));
}

TEST_F(data_folder_test, a_replica_keeps_its_lineage) {
  auto folder = open();
  create_request wish;
  wish.lineage = 7;
  const auto made = folder.create("a", wish);
  EXPECT_TRUE(made.created);
  EXPECT_EQ(made.record, (index_record{"a", 1, false, 7, false}));
  EXPECT_EQ(made.record.shown_generation(), 7u);
  EXPECT_EQ(read_index_record(fs_, root(), "a"), made.record);
  EXPECT_FALSE(folder.create("a", wish).created);
  EXPECT_FALSE(folder.create("a", {}).created) << "whoever does not care finds it";
  folder.mark_filled(made.record);
  EXPECT_EQ(read_index_record(fs_, root(), "a"), (index_record{"a", 1, false, 7, true}));
  EXPECT_EQ(code_of([&] { folder.mark_filled({"a", 2, false, 7}); }), errc::index_not_found);
  wish.lineage = 8;
  EXPECT_EQ(code_of([&] { folder.create("a", wish); }), errc::index_already_exists);
  folder.create("own", {});
  EXPECT_EQ(code_of([&] { folder.create("own", wish); }), errc::index_already_exists);
  folder.erase("a");
  EXPECT_EQ(read_index_record(fs_, root(), "a"), (index_record{"a", 1, true, 7}));
  EXPECT_EQ(folder.create("a", wish).record, (index_record{"a", 2, false, 8, false}));
}

TEST_F(data_folder_test, a_base_takes_the_place_of_the_lineage_that_it_is_meant_for_alone) {
  auto folder = open();
  create_request wish;
  wish.lineage = 7;
  folder.create("a", wish);
  stage_request base{{}, true, 7, 7};
  auto staged = folder.stage("a", base);
  write_manifest(fs_, staged.folders.data, {});
  folder.publish(staged);
  EXPECT_EQ(read_index_record(fs_, root(), "a"), (index_record{"a", 2, false, 7, true}));
  staged = folder.stage("a", base);
  write_manifest(fs_, staged.folders.data, {});
  folder.erase("a");
  wish.lineage = 9;
  EXPECT_EQ(code_of([&] { folder.publish(staged); }), errc::cancelled);
  folder.discard(staged.number);
  EXPECT_EQ(folder.create("a", wish).record, (index_record{"a", 3, false, 9, false}));
  staged = folder.stage("a", {{}, true, 12, 9});
  write_manifest(fs_, staged.folders.data, {});
  folder.publish(staged);
  EXPECT_EQ(read_index_record(fs_, root(), "a"), (index_record{"a", 4, false, 12, true})) << "of another lineage";
}

TEST_F(data_folder_test, a_replica_keeps_its_slice) {
  auto folder = open();
  create_request wish;
  wish.lineage = 7;
  wish.part = slice(2, 4);
  const index_record held{"a", 1, false, 7, false, slice(2, 4)};
  EXPECT_EQ(folder.create("a", wish).record, held);
  folder.mark_filled(held);
  EXPECT_EQ(read_index_record(fs_, root(), "a"), (index_record{"a", 1, false, 7, true, slice(2, 4)}));
  // One that is there stays as it is.
  wish.part = slice(1, 2);
  EXPECT_EQ(folder.create("a", wish).record.part, slice(2, 4));
  // Another copy may be of another slice.
  auto staged = folder.stage("a", {{}, true, 7, 7, slice(1, 2)});
  write_manifest(fs_, staged.folders.data, {});
  folder.publish(staged);
  EXPECT_EQ(read_index_record(fs_, root(), "a"), (index_record{"a", 2, false, 7, true, slice(1, 2)}));
}

TEST_F(data_folder_test, what_is_no_replica_is_written_as_older_programs_read_it) {
  open().create("a", {});
  EXPECT_EQ(read_file(fs_, root() / "a" / "current", 4096),
            dump_checked_json({{"generation", 1}, {"deleted", false}}, 1));
}

TEST_F(data_folder_test, a_lost_current_with_segments_in_the_manifest_is_damage) {
  auto folder = open();
  const auto folders = folder.folders(folder.create("a", {}).record);
  const manifest m{{{segment_file_name(1, 1), {.first_commit = 1, .last_commit = 1}}}};
  write_manifest(fs_, folders.data, m);
  fs_.remove(root() / "a" / "current");
  EXPECT_EQ(folder.scan().damaged.size(), 1u);
  EXPECT_TRUE(fs_.exists(folders.data / manifest_file_name));
}

TEST_F(data_folder_test, detects_every_bit_flip_of_a_record) {
  auto folder = open();
  const auto record = folder.create("a", {false, 1234}).record;
  const path file = root() / "a" / "current";
  const std::string text = read_file(fs_, file);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  size_t num_detected = 0;
  for (size_t bit = 0; bit < text.size() * 8; bit++) {
    std::string damaged = text;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << bit % 8));
    fs_.remove(file);
    fs_.create(file)->write_at(0, std::as_bytes(std::span(damaged)));
    const auto found = folder.scan();
    num_detected += found.damaged.size();
    ASSERT_EQ(found.damaged.size() + found.indexes.size(), 1u);
    if (!found.indexes.empty()) {
      ASSERT_EQ(found.indexes[0], record) << bit;
    }
  }
  EXPECT_EQ(num_detected, text.size() * 8);
}

TEST_F(data_folder_test, rejects_wrong_fields_behind_a_valid_checksum) {
  open();
  using nlohmann::json;
  for (const json& object :
       {json{{"generation", 1}}, json{{"deleted", false}}, json{{"generation", 0}, {"deleted", false}},
        json{{"generation", -1}, {"deleted", false}}, json{{"generation", "1"}, {"deleted", false}},
        json{{"generation", 1}, {"deleted", 0}}, json{{"generation", 1}, {"deleted", false}, {"more", 1}}}) {
    put("a/current", dump_checked_json(object, 1));
    const auto found = open().scan();
    EXPECT_TRUE(found.indexes.empty()) << object;
    EXPECT_EQ(found.damaged.size(), 1u) << object;
  }
}

// What frees room needs none: neither for a file nor for a byte in one.
TEST_F(data_folder_test, deletes_on_a_full_disk) {
  test::faulty_file_system full(fs_);
  for (const auto kind : {test::fs_operation::create, test::fs_operation::write, test::fs_operation::sync}) {
    fs_.remove_all(root());
    {
      data_folder folder(full, root());
      const auto record = folder.create("a", {}).record;
      folder.create("b", {});
      full.fail(1, {.code = errc::no_space, .permanent = true}, kind);
      EXPECT_EQ(folder.erase("a"), record);
      EXPECT_FALSE(folder.erase("a"));
      folder.remove_generation("a", 1);
      EXPECT_EQ(fs_.list(root() / "a"), (std::vector<std::string>{"current.deleted"}));
    }
    {
      // A start on a disk that is still full.
      data_folder folder(full, root());
      const auto found = folder.scan();
      EXPECT_EQ(found.indexes, (std::vector<index_record>{{"a", 1, true}, {"b", 1, false}}));
      EXPECT_EQ(code_of([&] { folder.sweep(found.indexes[0]); }), errc::no_space);
      EXPECT_EQ(read_index_record(fs_, root(), "a"), (index_record{"a", 1, true}));
    }
    full.heal();
    auto folder = open();
    folder.sweep({"a", 1, true});
    EXPECT_EQ(fs_.list(root() / "a"), (std::vector<std::string>{"current"}));
    EXPECT_EQ(read_index_record(fs_, root(), "a"), (index_record{"a", 1, true}));
    EXPECT_EQ(folder.create("a", {}).record.generation, 2u);
  }
}

TEST_F(data_folder_test, an_index_that_was_deleted_on_a_full_disk_can_be_made_again) {
  auto folder = open();
  folder.create("a", {});
  fs_.rename(root() / "a" / "current", root() / "a" / "current.deleted");
  EXPECT_EQ(folder.create("a", {}).record, (index_record{"a", 2, false}));
  // The newer record counts.
  EXPECT_EQ(read_index_record(fs_, root(), "a"), (index_record{"a", 2, false}));
  folder.sweep({"a", 2, false});
  EXPECT_EQ(fs_.list(root() / "a"), (std::vector<std::string>{"current", "v2"}));
}

TEST_F(data_folder_test, names_of_requests_about_the_node_are_for_no_index) {
  auto folder = open();
  for (const std::string name : {"_fingerprint", "_health", "_metrics", "_ready"}) {
    EXPECT_EQ(code_of([&] { folder.create(name, {}); }), errc::invalid_index_name);
    EXPECT_EQ(code_of([&] { folder.stage(name); }), errc::invalid_index_name);
  }
  // One that there is all the same is served, and can be deleted.
  folder.create("a", {});
  fs_.rename(root() / "a", root() / "_health");
  EXPECT_EQ(folder.scan().indexes, (std::vector<index_record>{{"_health", 1, false}}));
  EXPECT_FALSE(folder.create("_health", {}).created);
  EXPECT_EQ(folder.erase("_health"), (index_record{"_health", 1, false}));
  EXPECT_EQ(code_of([&] { folder.create("_health", {}); }), errc::invalid_index_name);
}

/// Whatever operation fails, in either way: before the record is replaced nothing was created or deleted, the next
/// try works, and no garbage stays.
TEST_F(data_folder_test, survives_every_failure) {
  test::faulty_file_system faulty(fs_);
  size_t num_failures = 0;
  for (const bool after_effect : {false, true}) {
    for (uint64_t nth = 1;; nth++) {
      fs_.remove_all(root());
      bool failed = false;
      bool created = false, erased = false, recreated = false;
      faulty.fail(nth, {.code = errc::no_space, .short_write = 5, .after_effect = after_effect});
      try {
        data_folder folder(faulty, root());
        created = folder.create("a", {}).created;
        erased = folder.erase("a").has_value();
        recreated = folder.create("a", {}).created;
      } catch (const error& e) {
        ASSERT_EQ(e.code(), errc::no_space) << e.what();
        failed = true;
        num_failures++;
      }
      faulty.heal();
      auto folder = open();
      const auto found = folder.scan();
      ASSERT_TRUE(found.damaged.empty()) << found.damaged[0].reason;
      ASSERT_TRUE(found.unexpected.empty());
      ASSERT_LE(found.indexes.size(), 1u);
      const index_record record = found.indexes.empty() ? index_record{} : found.indexes[0];
      if (recreated) {
        ASSERT_EQ(record, (index_record{"a", 2, false}));
      } else if (erased) {
        ASSERT_TRUE(record.deleted || record.generation == 2);
      } else if (created) {
        // A delete that failed: what is written to the index since is not lost.
        ASSERT_EQ(record, (index_record{"a", 1, false}));
      }
      const auto next = folder.create("a", {}).record;
      folder.sweep(next);
      ASSERT_EQ(fs_.list(root() / "a"),
                (std::vector<std::string>{"current", "v" + std::to_string(next.generation)}));
      ASSERT_EQ(read_manifest(fs_, folder.folders(next).data), manifest{});
      ASSERT_TRUE(fs_.is_directory(folder.folders(next).oplog));
      if (!failed) break;
    }
  }
  EXPECT_GT(num_failures, 40u);
}

}  // namespace
}  // namespace fp
