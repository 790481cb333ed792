#include <gmock/gmock.h>
#include <algorithm>

#include <filesystem>

#include "tests/core/backup/backup_fixture.hpp"
#include "tests/core/support/error_of.hpp"
#include "tests/core/support/faulty_file_system.hpp"

namespace fp {
namespace {

using test::backup_of;
using test::byte_vector;
using test::error_of;
using test::faulty_file_system;
using test::restored_index;
using strings = std::vector<std::string>;

class restore_test : public test::backup_test {
 protected:
  path root() const { return temporary_ / "root"; }

  /// Everything below the root but the lock, sorted.
  strings files() const {
    strings names;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root())) {
      names.push_back(entry.path().lexically_relative(root()).string());
    }
    std::erase(names, ".lock");
    std::sort(names.begin(), names.end());
    return names;
  }
  /// What `files` says of a whole index.
  strings index_files(const std::string& name, uint64_t generation) const {
    const std::string folder = name + "/v" + std::to_string(generation);
    strings names = {
        name, name + "/current", folder, folder + "/data", folder + "/data/manifest.json", folder + "/oplog"};
    for (const auto& e : index_->entries()) {
      names.push_back(folder + "/data/" + segment_file_name(e.segment->info().commits()));
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  void expect_whole(data_folder& folder, const index_record& record) {
    const auto restored = open_target(folder.folders(record).data);
    ASSERT_EQ(restored->entries().size(), index_->entries().size());
    for (size_t i = 0; i < restored->entries().size(); i++) {
      EXPECT_TRUE(
          std::ranges::equal(restored->entries()[i].segment->bytes(), index_->entries()[i].segment->bytes()));
    }
  }
  restored_index restore_with(data_folder& folder, file_system& fs, const std::string& name) {
    return test::restore_index(folder, fs, name, stream_);
  }
  restored_index restore_as(data_folder& folder, const std::string& name) {
    return restore_with(folder, fs_, name);
  }
  /// Starts over with no index, or with a deleted one of generation 5.
  void start_over(bool after_delete) {
    fs_.remove_all(root());
    data_folder folder(fs_, root());
    if (!after_delete) return;
    const auto record = folder.create("main", {false, 5}).record;
    folder.erase("main");
    folder.remove_generation("main", record.generation);
  }

  void use(const snapshot_ptr& index) {
    index_ = index;
    stream_ = backup_of(index);
  }

  snapshot_ptr index_ = one_segment();
  byte_vector stream_ = backup_of(index_);
};

TEST_F(restore_test, fails_with_the_cause_whatever_operation_fails) {
  use(small_snapshot());
  faulty_file_system faulty(fs_);
  const auto restore_faulty = [&] {
    backup_restorer restorer(faulty, target_);
    test::feed(restorer, stream_);
  };
  restore_faulty();
  const uint64_t num_operations = faulty.num_operations();
  EXPECT_GT(num_operations, 30u);
  empty_target();
  for (const bool after_effect : {false, true}) {
    for (uint64_t nth = 1; nth <= num_operations; nth++) {
      faulty.fail(nth, {.code = errc::no_space, .short_write = 5, .after_effect = after_effect});
      const error e = error_of(restore_faulty);
      EXPECT_EQ(e.code(), errc::no_space);
      EXPECT_THAT(e.what(), testing::HasSubstr("injected failure: " + target_.data.parent_path().string()));
      faulty.heal();
      empty_target();
    }
  }
  restore_faulty();
  EXPECT_EQ(open_target()->version(), index_->version());
}

TEST_F(restore_test, everything_is_durable_before_the_manifest_names_it) {
  use(small_snapshot());
  faulty_file_system faulty(fs_);
  backup_restorer restorer(faulty, target_);
  test::feed(restorer, stream_);
  using test::fs_operation;
  size_t num_created = 0, num_unsynced = 0, num_renamed = 0;
  bool has_manifest = false;
  for (const auto& [operation, file] : faulty.history()) {
    if (operation == fs_operation::create) {
      EXPECT_TRUE(is_temporary_name(file.string())) << file;
      num_created++;
      num_unsynced++;
    }
    if (operation == fs_operation::sync) num_unsynced--;
    if (operation == fs_operation::sync_directory) num_renamed = 0;
    if (operation != fs_operation::rename) continue;
    EXPECT_EQ(num_unsynced, 0u);
    if (file.filename() == manifest_file_name) {
      EXPECT_EQ(num_renamed, 0u);
      has_manifest = true;
    }
    EXPECT_EQ(has_manifest, file.filename() == manifest_file_name);
    num_renamed++;
  }
  EXPECT_EQ(num_created, index_->entries().size() + 1);
  EXPECT_EQ(num_renamed, 0u);
}

TEST_F(restore_test, makes_the_next_generation) {
  use(small_snapshot());
  data_folder folder(fs_, root());
  const auto made = restore_as(folder, "copy");
  EXPECT_EQ(made.record, (index_record{"copy", 1, false}));
  EXPECT_EQ(made.backup.index_name, "main");
  EXPECT_EQ(made.backup.generation, 3u);
  EXPECT_EQ(files(), index_files("copy", 1));
  expect_whole(folder, made.record);
  EXPECT_EQ(folder.scan().indexes, std::vector<index_record>{made.record});
  EXPECT_EQ(folder.create("copy", {}).record, made.record);

  EXPECT_EQ(error_of([&] { folder.stage("copy"); }).code(), errc::index_already_exists);
  expect_whole(folder, made.record);

  folder.erase("copy");
  const auto again = restore_as(folder, "copy");
  EXPECT_EQ(again.record, (index_record{"copy", 2, false}));
  expect_whole(folder, again.record);
  folder.sweep(again.record);
  EXPECT_EQ(files(), index_files("copy", 2));
  EXPECT_EQ(folder.scan().indexes, std::vector<index_record>{again.record});

  EXPECT_EQ(error_of([&] { restore_as(folder, "no/name"); }).code(), errc::invalid_index_name);
  const std::string longest(255, 'x');
  EXPECT_EQ(restore_as(folder, longest).record.name, longest);
  folder.create("last", {false, max_generation});
  folder.erase("last");
  EXPECT_EQ(error_of([&] { restore_as(folder, "last"); }).code(), errc::generation_not_allowed);
}

TEST_F(restore_test, replaces_what_an_interrupted_create_left_and_nothing_else) {
  data_folder folder(fs_, root());
  fs_.create_directories(root() / "half" / "v1" / "data");
  write_manifest(fs_, root() / "half" / "v1" / "data", {});
  expect_whole(folder, restore_as(folder, "half").record);
  fs_.remove_all(root() / "half");

  fs_.create_directories(root() / "music" / "album");
  EXPECT_EQ(error_of([&] { restore_as(folder, "music"); }).code(), errc::io_error);
  fs_.create_directories(root() / "lost" / "v1" / "data");
  replace_file(fs_, root() / "lost" / "v1" / "data" / segment_file_name(1, 1), "x");
  EXPECT_EQ(error_of([&] { restore_as(folder, "lost"); }).code(), errc::corrupt_data);
  EXPECT_TRUE(fs_.exists(root() / "music" / "album"));
  EXPECT_TRUE(fs_.exists(root() / "lost" / "v1" / "data" / segment_file_name(1, 1)));
  fs_.remove_all(root() / "lost");
  fs_.remove_all(root() / "music");
  EXPECT_EQ(files(), strings{});
}

TEST_F(restore_test, a_damaged_backup_makes_no_index) {
  use(small_snapshot());
  for (const bool after_delete : {false, true}) {
    start_over(after_delete);
    const strings before = files();
    data_folder folder(fs_, root());
    for (size_t at = 0; at < stream_.size(); at += 499) {
      byte_vector damaged = stream_;
      damaged[at] ^= std::byte{16};
      EXPECT_EQ(error_of([&] { test::restore_index(folder, fs_, "main", damaged); }).code(), errc::corrupt_data);
      EXPECT_EQ(files(), before);
    }
    EXPECT_EQ(restore_as(folder, "main").record.generation, after_delete ? 6u : 1u);
  }
}

TEST_F(restore_test, an_index_appears_whole_or_not_whatever_operation_fails) {
  faulty_file_system faulty(fs_);
  for (const bool after_delete : {false, true}) {
    for (const bool after_effect : {false, true}) {
      size_t num_failed = 0;
      for (uint64_t nth = 1;; nth++) {
        start_over(after_delete);
        const strings before = files();
        const uint64_t generation = after_delete ? 6 : 1;
        data_folder folder(faulty, root());
        faulty.reset_counts();
        faulty.fail(nth, {.short_write = 5, .after_effect = after_effect});
        bool restored = false;
        try {
          EXPECT_EQ(restore_with(folder, faulty, "main").record.generation, generation);
          restored = true;
        } catch (const error& e) {
          EXPECT_EQ(e.code(), errc::io_error) << e.what();
          num_failed++;
        }
        faulty.heal();
        const bool hit = faulty.num_failed() > 0;
        if (restored) {
          // The removal of the empty folder that was worked in may fail.
          folder.scan();
          ASSERT_EQ(files(), index_files("main", generation)) << "operation " << nth;
        } else {
          ASSERT_EQ(files(), before) << "operation " << nth;
          ASSERT_EQ(restore_as(folder, "main").record.generation, generation);
        }
        expect_whole(folder, {"main", generation, false});
        ASSERT_FALSE(HasFailure()) << "operation " << nth;
        if (!hit) break;
      }
      EXPECT_GT(num_failed, 25u);
    }
  }
}

/// Nothing can be undone, as after a crash: what the next start finds is no index or a whole one.
TEST_F(restore_test, an_index_appears_whole_or_not_whenever_it_is_interrupted) {
  faulty_file_system faulty(fs_);
  for (const bool after_delete : {false, true}) {
    for (const bool after_effect : {false, true}) {
      size_t num_absent = 0, num_whole = 0;
      for (bool done = false; !done;) {
        const uint64_t nth = num_absent + num_whole + 1;
        start_over(after_delete);
        const strings before = files();
        const uint64_t generation = after_delete ? 6 : 1;
        {
          data_folder folder(faulty, root());
          faulty.reset_counts();
          faulty.fail(nth, {.short_write = 5, .after_effect = after_effect, .permanent = true});
          try {
            restore_with(folder, faulty, "main");
          } catch (const error&) {
          }
          done = faulty.num_failed() == 0;
          faulty.heal();
        }
        data_folder folder(fs_, root());
        const auto found = folder.scan();
        ASSERT_TRUE(found.damaged.empty()) << found.damaged[0].reason;
        ASSERT_EQ(found.unexpected, strings{});
        for (const index_record& record : found.indexes) folder.sweep(record);
        if (!found.indexes.empty() && !found.indexes[0].deleted) {
          num_whole++;
          ASSERT_EQ(files(), index_files("main", generation)) << "operation " << nth;
          expect_whole(folder, found.indexes[0]);
        } else {
          num_absent++;
          ASSERT_EQ(files(), before) << "operation " << nth;
          ASSERT_EQ(restore_as(folder, "main").record.generation, generation);
        }
        ASSERT_FALSE(HasFailure()) << "operation " << nth;
      }
      EXPECT_GT(num_absent, 25u);
      EXPECT_GE(num_whole, 1u);
    }
  }
}

TEST_F(restore_test, several_indexes_are_staged_side_by_side) {
  data_folder folder(fs_, root());
  const auto a = folder.stage("a"), b = folder.stage("b");
  EXPECT_EQ(error_of([&] { folder.stage("a"); }).code(), errc::index_already_exists);
  EXPECT_EQ(error_of([&] { folder.create("a", {}); }).code(), errc::index_not_ready);
  EXPECT_FALSE(folder.erase("a"));
  for (const auto& staged : {a, b}) {
    EXPECT_TRUE(fs_.list(staged.folders.data).empty());
    EXPECT_TRUE(fs_.list(staged.folders.oplog).empty());
  }
  backup_restorer of_a(fs_, a.folders), of_b(fs_, b.folders);
  of_a.update(std::span(stream_).first(1000));
  test::feed(of_b, stream_);
  folder.publish(b);
  EXPECT_EQ(error_of([&] { folder.publish(b); }).code(), errc::cancelled);
  of_a.update(std::span(stream_).subspan(1000));
  of_a.finish();
  folder.publish(a);
  EXPECT_FALSE(fs_.exists(root() / ".create.tmp"));
  expect_whole(folder, a.record);
  expect_whole(folder, b.record);
}

TEST_F(restore_test, a_discarded_index_leaves_its_name_and_nothing_else) {
  data_folder folder(fs_, root());
  const auto first = folder.stage("a");
  replace_file(fs_, first.folders.data / "file", "x");
  folder.discard(first.number);
  EXPECT_EQ(files(), strings{});
  const auto second = folder.stage("a");
  EXPECT_NE(second.number, first.number);
  folder.discard(first.number);
  EXPECT_TRUE(fs_.exists(second.folders.data));
  EXPECT_EQ(error_of([&] { folder.publish(first); }).code(), errc::cancelled);
  folder.discard(second.number);
  EXPECT_EQ(folder.create("a", {}).record.generation, 1u);
}

TEST_F(restore_test, an_index_is_replaced_once_the_new_one_is_whole) {
  data_folder folder(fs_, root());
  EXPECT_EQ(folder.create("a", {}).record.generation, 1u);
  EXPECT_EQ(error_of([&] { folder.stage("a", {.generation = 5, .replace = false}); }).code(),
            errc::index_already_exists);
  // A restore that fails takes nothing away.
  folder.discard(folder.stage("a", {.generation = {}, .replace = true}).number);
  EXPECT_EQ(folder.create("a", {}).created, false);
  const auto staged = folder.stage("a", {.generation = 5, .replace = true});
  EXPECT_EQ(staged.record.generation, 5u);
  backup_restorer restorer(fs_, staged.folders);
  test::feed(restorer, stream_);
  EXPECT_TRUE(fs_.exists(root() / "a" / "v1"));
  EXPECT_EQ(read_index_record(fs_, root(), "a")->generation, 1u);
  folder.publish(staged);
  EXPECT_EQ(read_index_record(fs_, root(), "a")->generation, 5u);
  expect_whole(folder, staged.record);
  folder.remove_generation("a", 1);
  // Its generation is used by then.
  const auto next = folder.stage("a", {.generation = 5, .replace = true});
  EXPECT_EQ(next.record.generation, 6u);
  folder.discard(next.number);
}

TEST_F(restore_test, a_wanted_generation_is_taken_or_refused) {
  data_folder folder(fs_, root());
  const auto staged = folder.stage("a", {.generation = 7, .replace = false});
  EXPECT_EQ(staged.record.generation, 7u);
  backup_restorer restorer(fs_, staged.folders);
  test::feed(restorer, stream_);
  folder.publish(staged);
  expect_whole(folder, staged.record);
  folder.erase("a");
  const auto e = error_of([&] { folder.stage("a", {.generation = 7, .replace = false}); });
  EXPECT_EQ(e.code(), errc::older_index_already_exists);
  EXPECT_THAT(e.what(), testing::HasSubstr("generation 7 (deleted), not below the wanted 7"));
  for (const uint64_t impossible : {uint64_t{0}, UINT64_MAX}) {
    EXPECT_EQ(error_of([&] { folder.stage("b", {.generation = impossible, .replace = false}); }).code(),
              errc::generation_not_allowed);
  }
}

}  // namespace
}  // namespace fp
