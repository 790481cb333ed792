#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <ostream>
#include <string>
#include <vector>

#include "core/backup/backup_format.hpp"
#include "core/check/check.hpp"
#include "core/index/data_folder.hpp"
#include "core/oplog/oplog_format.hpp"
#include "core/segment/segment_format.hpp"
#include "tests/actors/support/acting_node.hpp"
#include "tests/core/support/bulk_load.hpp"
#include "tests/core/support/commits.hpp"
#include "tests/core/support/temporary_folder.hpp"
#include "tests/support/source_file.hpp"

namespace fp {
namespace {

namespace stdfs = std::filesystem;

const stdfs::path formats = test::source_file("tests/data/formats");

/// The numbers of the four commits that each sample consists of.
using commit_numbers = std::array<commit_id, 4>;

/// What one build wrote.
struct sample {
  const char* name;  ///< of its folder
  commit_numbers ids;
  bool has_newest_log;  ///< this build goes on in its newest log file
  bool has_parts;       ///< there is an index "parts" of one commit in three segments
};

void PrintTo(const sample& s, std::ostream* out) { *out << s.name; }

constexpr commit_numbers consecutive{1, 2, 3, 4};
constexpr commit_numbers jumping{5, 6, 1000, commit_id{1} << 40};
constexpr commit_id version_in_parts = 77;

std::string versions_of_this_build() {
  return "segment-" + std::to_string(segment_format_version) + "_log-" + std::to_string(oplog_format::version) +
         "_backup-" + std::to_string(backup_format::version);
}

void write_file(const stdfs::path& file, const std::vector<uint8_t>& bytes) {
  const auto out = posix_file_system().create(file);
  out->write_at(0, std::as_bytes(std::span(bytes)));
}

/// A node that gives commits these numbers, and then the next ones.
test::acting_options numbering(const commit_numbers& ids) {
  const auto next = [ids](commit_id version) {
    const auto found = std::ranges::upper_bound(ids, version);
    return found == ids.end() ? version + 1 : *found;
  };
  return {.settings = test::settings_at_rest(), .next_version = next};
}

/// 40 documents in segments, of which 7 is deleted and 8 rewritten; in the log: 100 new, 9 deleted, 1 rewritten,
/// and metadata, some of it removed again.
void write_sample(const stdfs::path& to, const commit_numbers& ids) {
  stdfs::create_directories(to / "folder");
  test::acting_node node(posix_file_system(), to / "folder", numbering(ids));
  node.create("old");
  changes_encoder changes;
  const auto update = [&](size_t number) {
    const commit_id previous = number == 0 ? 0 : ids[number - 1];
    node.update("old", {test::make_commit_behind(previous, ids[number], changes)});
  };
  for (document_id id = 1; id <= 40; id++) changes.insert(id, std::vector<hash_value>{id, id * 7919, 12345});
  changes.set_metadata("kept", "by the segment");
  changes.set_metadata("gone", "soon");
  changes.set_metadata("replaced", "1");
  update(0);
  node.checkpoint("old");
  changes.erase(7);
  changes.insert(8, std::vector<hash_value>{80, 81});
  changes.set_metadata("empty", "");
  changes.remove_metadata("gone");
  update(1);
  node.checkpoint("old");
  changes.insert(100, std::vector<hash_value>{100, 101});
  changes.erase(9);
  changes.set_metadata("replaced", "2");
  changes.set_metadata("lost", "soon");
  update(2);
  changes.insert(1, std::vector<hash_value>{11, 12});
  changes.set_metadata("logged", "by the log");
  changes.remove_metadata("lost");
  update(3);
  write_file(to / "old.backup", node.backup("old").bytes);
  node.create("parts");
  std::vector<commit> parts;
  for (const document_id id : {1, 2, 3})
    parts.push_back(test::make_commit_behind(0, version_in_parts, {{id, {id}}}));
  const auto folders = node.at("parts").folders;
  node.close();
  test::write_index(posix_file_system(), folders.data, test::load_in_parts(parts));
  stdfs::remove(to / "folder" / data_folder::lock_name);
}

class older_formats : public ::testing::TestWithParam<sample> {
 protected:
  void SetUp() override {
    stdfs::copy(written() / "folder", folder_.path(), stdfs::copy_options::recursive);
    // Nothing was ever written to this log; a checkout has no empty folders.
    if (GetParam().has_parts) stdfs::create_directories(folder_ / "parts" / "v1" / "oplog");
  }

  const commit_numbers& ids() const { return GetParam().ids; }
  stdfs::path written() const { return formats / GetParam().name; }

  static void expect_whole(const snapshot& index, const commit_numbers& ids) {
    EXPECT_EQ(index.version(), ids[3]);
    EXPECT_EQ(index.stats().num_documents, 39u);
    EXPECT_EQ(index.stats().max_document, 100u);
    EXPECT_FALSE(index.find(7));
    EXPECT_FALSE(index.find(9));
    EXPECT_EQ(index.find(8)->commit, ids[1]);
    EXPECT_EQ(index.find(100)->commit, ids[2]);
    EXPECT_EQ(index.find(1)->commit, ids[3]);
    EXPECT_EQ(
        index.metadata().to_map(),
        (metadata_map{{"empty", ""}, {"kept", "by the segment"}, {"logged", "by the log"}, {"replaced", "2"}}));
  }

  test::temporary_folder folder_;
};

TEST_P(older_formats, are_loaded_and_written_on_in_the_newest) {
  std::vector<stdfs::path> logs;
  for (const auto& entry : stdfs::directory_iterator(folder_ / "old" / "v1" / "oplog")) {
    if (entry.path().extension() == ".log") logs.push_back(entry.path());
  }
  ASSERT_EQ(logs.size(), 1u);
  const auto log_bytes = stdfs::file_size(logs[0]);
  EXPECT_FALSE(check_data_folder(posix_file_system(), folder_.path()).is_damaged());
  {
    test::acting_node node(posix_file_system(), folder_.path(), numbering(ids()));
    expect_whole(*node.at("old").current, ids());
    changes_encoder changes;
    changes.remove_metadata("kept");
    node.update("old", {test::make_commit(ids()[3] + 1, changes)});
    EXPECT_FALSE(node.at("old").current->metadata().find("kept"));
    // What the older version does not know is in no file of its.
    EXPECT_EQ(stdfs::file_size(logs[0]) == log_bytes, !GetParam().has_newest_log);
    node.close();
  }
  {
    test::acting_node node(posix_file_system(), folder_.path(), numbering(ids()));
    EXPECT_EQ(node.at("old").current->version(), ids()[3] + 1);
    EXPECT_FALSE(node.at("old").current->metadata().find("kept"));
    node.merge("old");
    EXPECT_EQ(node.at("old").current->metadata().size(), 3u);
    EXPECT_EQ(node.at("old").current->entries().front().segment->metadata().size(), 3u) << "the removal is gone";
    node.close();
  }
  test::acting_node node(posix_file_system(), folder_.path(), numbering(ids()));
  EXPECT_EQ(node.at("old").current->entries().size(), 1u);
  EXPECT_EQ(node.at("old").current->metadata().size(), 3u);
}

TEST_P(older_formats, backups_are_restored) {
  const std::string text = read_file(posix_file_system(), written() / "old.backup");
  test::acting_node node(posix_file_system(), folder_.path(), numbering(ids()));
  node.restore("again", {text.begin(), text.end()});
  expect_whole(*node.at("again").current, ids());
}

TEST_P(older_formats, parts_of_a_commit_are_loaded) {
  test::acting_node node(posix_file_system(), folder_.path(), numbering(ids()));
  ASSERT_EQ(node.has("parts"), GetParam().has_parts);
  if (!GetParam().has_parts) return;
  const auto parts = node.at("parts");
  ASSERT_EQ(parts.failure, "");
  const snapshot& index = *parts.current;
  EXPECT_EQ(index.version(), version_in_parts);
  EXPECT_EQ(index.entries().size(), 3u);
  for (const document_id id : {1, 2, 3}) EXPECT_EQ(index.find(id)->commit, version_in_parts);
}

INSTANTIATE_TEST_SUITE_P(of_releases, older_formats,
                         testing::Values(sample{"segment-2_log-1_backup-1", consecutive, false, false},
                                         sample{"segment-3_log-2_backup-1", consecutive, false, false},
                                         sample{"segment-4_log-3_backup-2", jumping, false, true},
                                         sample{"segment-5_log-3_backup-2", jumping, false, true},
                                         sample{"segment-5_log-4_backup-2", jumping, true, true}));

/// The records of replicas, which have versions of their own.
stdfs::path replica_records(const stdfs::path& in) {
  return in / ("replica-record-" + std::to_string(data_folder::replica_record_version));
}

TEST(older_formats_of_replicas, records_are_read) {
  test::temporary_folder copy;
  stdfs::copy(formats / "replica-record-2", copy.path(), stdfs::copy_options::recursive);
  const auto found = data_folder(posix_file_system(), copy.path()).scan();
  EXPECT_EQ(found.indexes, (std::vector<index_record>{{"deleted", 1, true, 9, false},
                                                      {"filled", 1, false, 7, true},
                                                      {"filling", 1, false, uint64_t{1} << 40, false}}));
  EXPECT_TRUE(found.damaged.empty());
}

TEST(older_formats_of_replicas, records_of_slices_are_read) {
  test::temporary_folder copy;
  stdfs::copy(formats / "slice-record-3", copy.path(), stdfs::copy_options::recursive);
  const auto found = data_folder(posix_file_system(), copy.path()).scan();
  EXPECT_EQ(found.indexes, (std::vector<index_record>{{"held", 1, false, 7, true, slice(2, 4)}}));
  EXPECT_TRUE(found.damaged.empty());
}

void write_slice_record(const stdfs::path& to) {
  {
    data_folder folder(posix_file_system(), to);
    create_request wish;
    wish.lineage = 7;
    wish.part = slice(2, 4);
    folder.mark_filled(folder.create("held", wish).record);
  }
  stdfs::remove(to / data_folder::lock_name);
}

void write_replica_records(const stdfs::path& to) {
  {
    data_folder folder(posix_file_system(), to);
    const auto make = [&](const char* name, uint64_t lineage) {
      create_request wish;
      wish.lineage = lineage;
      return folder.create(name, wish).record;
    };
    folder.mark_filled(make("filled", 7));
    make("filling", uint64_t{1} << 40);
    make("deleted", 9);
    folder.erase("deleted");
  }
  stdfs::remove(to / data_folder::lock_name);
}

/// What this build writes is among the samples: a reader that changed together with its writer would read no other.
TEST(formats_of_this_build, are_kept_as_a_sample) {
  const char* const to = std::getenv("FPNODE_WRITE_FORMATS");
  const stdfs::path place = (to != nullptr ? stdfs::path(to) : formats) / versions_of_this_build();
  if (to != nullptr && !stdfs::exists(place)) write_sample(place, jumping);
  const stdfs::path records = replica_records(to != nullptr ? stdfs::path(to) : formats);
  if (to != nullptr && !stdfs::exists(records)) write_replica_records(records);
  const stdfs::path slices = (to != nullptr ? stdfs::path(to) : formats) /
                             ("slice-record-" + std::to_string(data_folder::slice_record_version));
  if (to != nullptr && !stdfs::exists(slices)) write_slice_record(slices);
  EXPECT_TRUE(stdfs::exists(slices / "held" / "current")) << slices;
  EXPECT_TRUE(stdfs::exists(records / "filled" / "current")) << records;
  EXPECT_TRUE(stdfs::exists(place / "folder" / "old" / "current")) << place;
  EXPECT_TRUE(stdfs::exists(place / "old.backup")) << place;
}

}  // namespace
}  // namespace fp
