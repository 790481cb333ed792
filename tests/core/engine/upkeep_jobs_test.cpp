#include "core/engine/upkeep_jobs.hpp"

#include <gtest/gtest.h>

#include "core/merge/merge.hpp"
#include "tests/core/support/commits.hpp"
#include "tests/core/support/volatile_file_system.hpp"

namespace fp {
namespace {

const path index_folder = "/d";

class upkeep_jobs_test : public ::testing::Test {
 protected:
  upkeep_jobs_test() {
    disk.create_directories(index_folder);
    const auto nothing = std::make_shared<const snapshot>();
    served.serve(nothing, nothing);
  }
  void commit() {
    const auto id = served.whole()->version() + 1;
    served.add(test::make_segment(test::make_commit(id, {{static_cast<document_id>(id), {1000}}})));
  }
  /// Carries out a merge, writes the manifest and serves the result.
  void complete(const upkeep_job& chosen) {
    const auto task = jobs.begin(chosen, served, {});
    ASSERT_EQ(jobs.merged(task.job, merge(task)), upkeep_jobs::next_step::store);
    const auto stored = jobs.next_manifest(*served.files());
    ASSERT_TRUE(stored);
    write_manifest(disk, index_folder, *stored->names);
    for (const auto& file : *stored->obsolete) disk.remove(index_folder / file);
    ASSERT_TRUE(jobs.manifest_done(task.job));
    const auto done = jobs.end(task.job);
    ASSERT_TRUE(done);
    served.replace(done->inputs, done->merged);
  }
  segment_ptr merge(const merge_task& task) {
    if (task.file_name.empty()) return merge_to_memory(*task.index, task.first, task.count);
    return merge_to_file(*task.index, task.first, task.count, disk, index_folder / task.file_name, load_mode::read);
  }

  test::volatile_file_system disk;
  served_index served;
  upkeep_jobs jobs;
};

TEST_F(upkeep_jobs_test, a_checkpoint_follows_the_files_in_the_manifest) {
  for (int i = 0; i < 3; i++) commit();
  complete({upkeep_kind::checkpoint, 0, 2});
  EXPECT_EQ(served.whole()->file_version(), 2u);
  EXPECT_EQ(served.whole()->entries().size(), 2u);
  EXPECT_EQ(served.files()->entries().size(), 1u) << "one is in memory alone";
  complete({upkeep_kind::checkpoint, 1, 1});
  EXPECT_EQ(served.files(), served.whole()) << "all is in files";
  const auto names = read_manifest(disk, index_folder);
  ASSERT_EQ(names.segments.size(), 2u);
  EXPECT_EQ(names.segments[1].info.first_commit, 3u);
}

TEST_F(upkeep_jobs_test, a_merge_takes_the_place_of_its_inputs) {
  for (uint64_t i = 0; i < 4; i++) {
    commit();
    complete({upkeep_kind::checkpoint, i, 1});
  }
  commit();
  complete({upkeep_kind::file_merge, 1, 2});
  const auto names = read_manifest(disk, index_folder);
  ASSERT_EQ(names.segments.size(), 3u);
  EXPECT_EQ(names.segments[1].info.first_commit, 2u);
  EXPECT_EQ(names.segments[1].info.last_commit, 3u);
  EXPECT_EQ(served.files()->entries().size(), 3u);
  EXPECT_EQ(served.whole()->version(), 5u);
  EXPECT_EQ(disk.list(index_folder).size(), 4u) << "three segments and the manifest";
}

// A file that a manifest names is not replaced.
TEST_F(upkeep_jobs_test, one_segment_written_anew_has_a_name_of_its_own) {
  for (uint64_t i = 0; i < 2; i++) {
    commit();
    complete({upkeep_kind::checkpoint, i, 1});
  }
  std::string before = segment_file_name(*served.files()->entries()[1].segment);
  for (int round = 0; round < 3; round++) {
    complete({upkeep_kind::file_merge, 1, 1});
    const auto after = segment_file_name(*served.files()->entries()[1].segment);
    EXPECT_NE(after, before);
    EXPECT_EQ(read_manifest(disk, index_folder).segments[1].file_name, after);
    EXPECT_TRUE(disk.exists(index_folder / after));
    EXPECT_FALSE(disk.exists(index_folder / before));
    before = after;
  }
}

TEST_F(upkeep_jobs_test, one_manifest_waits_for_the_other) {
  for (uint64_t i = 0; i < 2; i++) {
    commit();
    complete({upkeep_kind::checkpoint, i, 1});
  }
  commit();
  const auto merge_of_files = jobs.begin({upkeep_kind::file_merge, 0, 2}, served, {});
  const auto checkpoint = jobs.begin({upkeep_kind::checkpoint, 2, 1}, served, {});
  EXPECT_GT(merge_of_files.spare_bytes, 0u) << "for the checkpoint";
  EXPECT_EQ(jobs.merged(checkpoint.job, merge(checkpoint)), upkeep_jobs::next_step::store);
  EXPECT_EQ(jobs.merged(merge_of_files.job, merge(merge_of_files)), upkeep_jobs::next_step::store);
  ASSERT_EQ(jobs.next_manifest(*served.files())->job, checkpoint.job);
  EXPECT_FALSE(jobs.next_manifest(*served.files()));
  EXPECT_TRUE(jobs.is_storing());
  ASSERT_TRUE(jobs.manifest_done(checkpoint.job));
  const auto done = jobs.end(checkpoint.job);
  served.replace(done->inputs, done->merged);
  const auto next = jobs.next_manifest(*served.files());
  ASSERT_TRUE(next);
  EXPECT_EQ(next->job, merge_of_files.job);
  EXPECT_EQ(next->names->segments.size(), 2u) << "both results";
}

TEST_F(upkeep_jobs_test, what_is_forgotten_is_known_as_such) {
  commit();
  const auto task = jobs.begin({upkeep_kind::checkpoint, 0, 1}, served, {});
  EXPECT_TRUE(jobs.is_running(task.job));
  EXPECT_EQ(jobs.forget_all().size(), 1u);
  EXPECT_FALSE(jobs.is_running(task.job));
  EXPECT_EQ(jobs.merged(task.job, merge(task)), upkeep_jobs::next_step::none);
  EXPECT_FALSE(jobs.manifest_done(task.job));
  EXPECT_FALSE(jobs.end(task.job));
  EXPECT_FALSE(jobs.next_manifest(*served.files()));
  const auto again = jobs.begin({upkeep_kind::checkpoint, 0, 1}, served, {});
  EXPECT_NE(again.job, task.job);
}

}  // namespace
}  // namespace fp
