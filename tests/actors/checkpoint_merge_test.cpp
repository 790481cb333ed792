#include "tests/actors/support/actor_fixture.hpp"

namespace fp {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::fs_operation;

class checkpoints_and_merges : public test::actor_fixture {
 protected:
  checkpoints_and_merges() {
    settings.checkpoint_age_ms = 0;
    // Files are merged where a test asks for it.
    settings.merge.segments_per_level = 64;
  }

  void write_and_run(const index_coordinator_handle& index, document_id id) {
    const auto written = write(index, id);
    run();
    EXPECT_TRUE(written.succeeded()) << written.text();
  }
  std::vector<std::string> segment_files(const index_record& record) {
    std::vector<std::string> files;
    for (const auto& name : posix_file_system().list(folders(record).data)) {
      if (name.ends_with(".seg")) files.push_back(name);
    }
    return files;
  }
  /// Fails checkpoints, which make new files, but not the log, which goes on in the file that it has.
  void fail_checkpoints() { fs.fail(1, {.permanent = true}, fs_operation::create); }
};

TEST_F(checkpoints_and_merges, checkpoint_by_size) {
  settings.checkpoint_threshold = 10;
  const auto record = prepare_index("a", 0);
  const auto index = ready_index(record);
  for (document_id id = 1; id <= 4; id++) write_and_run(index, id);
  EXPECT_EQ(status(index).checkpoints, 0u);
  write_and_run(index, 5);
  const auto s = status(index);
  EXPECT_EQ(s.checkpoints, 1u);
  EXPECT_EQ(s.num_file_segments, 1u);
  EXPECT_EQ(s.num_memory_segments, 0u);
  EXPECT_EQ(s.file_version, 5u);
  EXPECT_EQ(s.memory_postings, 0u);
  EXPECT_EQ(segment_files(record), std::vector<std::string>{segment_file_name(1, 5)});
  EXPECT_EQ(found(index, 1000).size(), 5u);
  kill(index);
  run();
  const auto again = ready_index(record);
  EXPECT_EQ(status(again).version, 5u);
  EXPECT_EQ(status(again).loading.replayed_commits, 0u);
  EXPECT_EQ(found(again, 1000).size(), 5u);
}

TEST_F(checkpoints_and_merges, checkpoint_by_age) {
  settings.checkpoint_age_ms = 10'000;
  const auto index = ready_index(prepare_index("a", 0));
  advance(seconds(100));
  write_and_run(index, 1);
  advance(milliseconds(9'999));
  write_and_run(index, 2);
  EXPECT_EQ(status(index).checkpoints, 0u);
  advance(milliseconds(1));
  EXPECT_EQ(status(index).checkpoints, 1u);
  EXPECT_EQ(status(index).file_version, 2u);
  advance(seconds(100));
  EXPECT_EQ(status(index).checkpoints, 1u);
  write_and_run(index, 3);
  advance(seconds(10));
  EXPECT_EQ(status(index).checkpoints, 2u);
}

TEST_F(checkpoints_and_merges, checkpoint_of_replayed_commits_by_age) {
  settings.checkpoint_age_ms = 10'000;
  const auto record = prepare_index("a", 0);
  {
    const auto index = ready_index(record);
    write_and_run(index, 1);
    kill(index);
    run();
  }
  const auto index = ready_index(record);
  advance(seconds(10));
  EXPECT_EQ(status(index).file_version, 1u);
}

TEST_F(checkpoints_and_merges, checkpoint_on_request) {
  const auto index = ready_index(prepare_index("a", 1));
  EXPECT_EQ(get<upkeep_reply>(index, checkpoint_atom_v).file_version, 1u);
  EXPECT_EQ(status(index).checkpoints, 0u);
  write_and_run(index, 2);
  const auto reply = get<upkeep_reply>(index, checkpoint_atom_v);
  EXPECT_EQ(reply.version, 2u);
  EXPECT_EQ(reply.file_version, 2u);
  EXPECT_EQ(reply.num_file_segments, 2u);
  EXPECT_EQ(reply.num_memory_segments, 0u);
}

TEST_F(checkpoints_and_merges, checkpoint_on_request_covers_what_was_there_when_it_was_asked_for) {
  const auto index = ready_index(prepare_index("a", 0));
  write_and_run(index, 1);
  const auto first = ask<upkeep_reply>(index, checkpoint_atom_v);
  while (!state_of(index).engine->jobs().of(upkeep_kind::checkpoint)) ASSERT_TRUE(step());
  const auto written = write(index, 2);
  scheduler().prioritize(index);
  while (!state_of(index).engine->has_batch()) ASSERT_TRUE(step());
  run();
  EXPECT_EQ(written.value().version, 2u);
  EXPECT_EQ(first.value().file_version, 1u);
  EXPECT_EQ(get<upkeep_reply>(index, checkpoint_atom_v).file_version, 2u);
  EXPECT_EQ(found(index, 1000).size(), 2u);
}

TEST_F(checkpoints_and_merges, checkpoint_drops_log_files) {
  settings.oplog_file_bytes = 1;
  const auto record = prepare_index("a", 0);
  const auto index = ready_index(record);
  for (document_id id = 1; id <= 6; id++) write_and_run(index, id);
  const auto before = status(index).oplog_bytes;
  EXPECT_EQ(posix_file_system().list(folders(record).oplog).size(), 6u);
  get<upkeep_reply>(index, checkpoint_atom_v);
  EXPECT_EQ(posix_file_system().list(folders(record).oplog).size(), 1u);
  EXPECT_LT(status(index).oplog_bytes, before);
}

TEST_F(checkpoints_and_merges, memory_merges_bound_the_number_of_memory_segments) {
  settings.max_memory_segments = 4;
  const auto index = ready_index(prepare_index("a", 0));
  for (document_id id = 1; id <= 60; id++) {
    write_and_run(index, id);
    EXPECT_LE(status(index).num_memory_segments, 4u);
  }
  EXPECT_GT(status(index).memory_merges, 0u);
  EXPECT_EQ(status(index).checkpoints, 0u);
  EXPECT_EQ(found(index, 1000).size(), 60u);
  EXPECT_EQ(found(index, 17), std::vector<document_id>{17});
}

TEST_F(checkpoints_and_merges, file_merges_follow_the_policy) {
  settings.checkpoint_threshold = 1;
  settings.merge = {.min_segment_size = 1,
                    .max_segment_size = 1000,
                    .segments_per_level = 2,
                    .segments_per_merge = 4,
                    .max_segments = 5};
  const auto record = prepare_index("a", 0);
  const auto index = ready_index(record);
  for (document_id id = 1; id <= 40; id++) write_and_run(index, id);
  const auto s = status(index);
  EXPECT_EQ(s.checkpoints, 40u);
  EXPECT_GT(s.file_merges, 0u);
  EXPECT_LE(s.num_file_segments, 5u);
  EXPECT_EQ(segment_files(record).size(), s.num_file_segments) << "merged files stay behind";
  EXPECT_EQ(found(index, 1000).size(), 40u);
  close(index);
  EXPECT_EQ(found(ready_index(record), 1000).size(), 40u);
}

TEST_F(checkpoints_and_merges, merge_on_request) {
  const auto record = prepare_index("a", 6);
  const auto index = ready_index(record);
  write_and_run(index, 7);
  const auto reply = get<upkeep_reply>(index, merge_atom_v);
  EXPECT_EQ(reply.num_file_segments, 1u);
  EXPECT_EQ(reply.num_memory_segments, 0u) << "merged is all of it";
  EXPECT_EQ(status(index).file_merges, 1u);
  EXPECT_EQ(segment_files(record), std::vector<std::string>{segment_file_name(1, 7)});
  EXPECT_EQ(get<upkeep_reply>(index, merge_atom_v).num_file_segments, 1u);
  EXPECT_EQ(found(index, 1000).size(), 7u);
}

TEST_F(checkpoints_and_merges, merge_and_checkpoint_at_the_same_time) {
  const auto record = prepare_index("a", 6);
  const auto index = ready_index(record);
  write_and_run(index, 7);
  const auto merge = ask<upkeep_reply>(index, merge_atom_v);
  const auto checkpoint = ask<upkeep_reply>(index, checkpoint_atom_v);
  run();
  EXPECT_TRUE(merge.succeeded()) << merge.text();
  EXPECT_TRUE(checkpoint.succeeded()) << checkpoint.text();
  EXPECT_EQ(status(index).file_version, 7u);
  EXPECT_EQ(found(index, 1000).size(), 7u);
  close(index);
  EXPECT_EQ(found(ready_index(record), 1000).size(), 7u);
}

TEST_F(checkpoints_and_merges, snapshots_outlive_the_files_they_came_from) {
  const auto index = ready_index(prepare_index("a", 3));
  const auto old = state_of(index).current();
  std::weak_ptr<const segment> first = old->entries()[0].segment;
  get<upkeep_reply>(index, merge_atom_v);
  EXPECT_TRUE(old->find(2).has_value());
  EXPECT_FALSE(first.expired());
}

TEST_F(checkpoints_and_merges, failing_checkpoint_is_reported_and_retried_after_a_delay) {
  settings.checkpoint_threshold = 4;
  // A timer for a far later checkpoint by age must not keep the retry waiting.
  settings.checkpoint_age_ms = 3'600'000;
  const auto index = ready_index(prepare_index("a", 0));
  write_and_run(index, 1);
  fail_checkpoints();
  write_and_run(index, 2);
  auto s = status(index);
  EXPECT_EQ(s.checkpoints, 0u);
  EXPECT_NE(s.upkeep_error.find("injected failure"), std::string::npos) << s.upkeep_error;
  EXPECT_FALSE(s.checkpoint_running);
  EXPECT_EQ(s.state, index_state::ready);
  const auto failures = fs.num_failed();
  advance(milliseconds(4'999));
  EXPECT_EQ(fs.num_failed(), failures) << "retried too early";
  advance(milliseconds(1));
  EXPECT_GT(fs.num_failed(), failures);
  fs.heal();
  // The second delay is twice the first.
  advance(seconds(10));
  s = status(index);
  EXPECT_EQ(s.checkpoints, 1u);
  EXPECT_EQ(s.upkeep_error, "");
  EXPECT_EQ(found(index, 1000).size(), 2u);
}

TEST_F(checkpoints_and_merges, retries_do_not_keep_the_clock_busy) {
  settings.checkpoint_threshold = 4;
  const auto index = ready_index(prepare_index("a", 0));
  write_and_run(index, 1);
  fail_checkpoints();
  write_and_run(index, 2);
  fs.heal();
  ASSERT_NE(status(index).upkeep_error, "");
  // The retry is on its way; nothing is to be done by time until it ends.
  scheduler().advance_time(seconds(5));
  while (!state_of(index).engine->jobs().of(upkeep_kind::checkpoint)) ASSERT_TRUE(step());
  size_t ticks = 0;
  for (int i = 0; i < 20; i++) {
    ticks += scheduler().advance_time(milliseconds(1));
    scheduler().prioritize(index);
    if (ticks > 0) step();
  }
  EXPECT_LE(ticks, 1u);
  run();
  EXPECT_EQ(status(index).checkpoints, 1u);
}

TEST_F(checkpoints_and_merges, request_during_the_delay_tries_at_once) {
  settings.checkpoint_threshold = 4;
  const auto index = ready_index(prepare_index("a", 0));
  write_and_run(index, 1);
  fail_checkpoints();
  write_and_run(index, 2);
  const auto failed = ask<upkeep_reply>(index, checkpoint_atom_v);
  run();
  EXPECT_EQ(failed.code(), errc::io_error);
  fs.heal();
  EXPECT_EQ(get<upkeep_reply>(index, checkpoint_atom_v).file_version, 2u);
}

TEST_F(checkpoints_and_merges, every_file_operation_that_fails_during_a_checkpoint_and_merge_is_survived) {
  settings.max_memory_segments = 4;
  size_t failed = 0;
  for (uint64_t n = 1; n < 60; n++) {
    const auto record = prepare_index("i" + std::to_string(n), 3);
    const auto index = ready_index(record);
    for (document_id id = 4; id <= 6; id++) write_and_run(index, id);
    fs.fail(n);
    const auto checkpoint = ask<upkeep_reply>(index, checkpoint_atom_v);
    const auto merge = ask<upkeep_reply>(index, merge_atom_v);
    run();
    fs.heal();
    EXPECT_TRUE(checkpoint.arrived()) << n;
    EXPECT_TRUE(merge.arrived()) << n;
    failed += !checkpoint.succeeded() || !merge.succeeded();
    auto s = status(index);
    EXPECT_FALSE(s.checkpoint_running) << n;
    EXPECT_FALSE(s.merge_running) << n;
    EXPECT_EQ(found(index, 1000).size(), 6u);
    // A crash now loses nothing, and the next start works.
    kill(index);
    run();
    const auto again = ready_index(record);
    EXPECT_EQ(found(again, 1000).size(), 6u) << n;
    EXPECT_EQ(get<upkeep_reply>(again, checkpoint_atom_v).file_version, 6u) << n;
    EXPECT_EQ(get<upkeep_reply>(again, merge_atom_v).num_file_segments, 1u) << n;
    close(again);
    EXPECT_EQ(segment_files(record).size(), 1u) << n;
    if (!checkpoint.succeeded() || !merge.succeeded()) continue;
    if (fs.num_failed() == 0) break;
  }
  EXPECT_GT(failed, 10u);
}

TEST_F(checkpoints_and_merges, workers_that_die_leave_their_jobs_to_their_successors) {
  const auto record = prepare_index("a", 4);
  const auto index = ready_index(record);
  write_and_run(index, 5);
  const auto checkpoint = ask<upkeep_reply>(index, checkpoint_atom_v);
  auto merge = ask<upkeep_reply>(index, merge_atom_v);
  while (!state_of(index).engine->jobs().of(upkeep_kind::checkpoint)) ASSERT_TRUE(step());
  kill_child(index, "checkpoint_actor");
  run();
  EXPECT_FALSE(checkpoint.succeeded());
  EXPECT_FALSE(merge.succeeded()) << "what is in memory belongs to it";
  EXPECT_NE(status(index).upkeep_error, "");
  merge = ask<upkeep_reply>(index, merge_atom_v);
  while (!state_of(index).engine->jobs().of(upkeep_kind::file_merge)) ASSERT_TRUE(step());
  kill_child(index, "file merge_actor");
  run();
  EXPECT_FALSE(merge.succeeded());
  auto s = status(index);
  EXPECT_FALSE(s.checkpoint_running);
  EXPECT_FALSE(s.merge_running);
  EXPECT_NE(s.upkeep_error, "");
  EXPECT_EQ(get<upkeep_reply>(index, checkpoint_atom_v).file_version, 5u);
  EXPECT_EQ(get<upkeep_reply>(index, merge_atom_v).num_file_segments, 1u);
  EXPECT_EQ(status(index).upkeep_error, "");
}

TEST_F(checkpoints_and_merges, workers_that_die_in_the_middle_of_a_job) {
  for (uint64_t n = 1; n <= 24; n++) {
    const auto record = prepare_index("i" + std::to_string(n), 3);
    const auto index = ready_index(record);
    write_and_run(index, 4);
    const auto checkpoint = ask<upkeep_reply>(index, checkpoint_atom_v);
    const auto merge = ask<upkeep_reply>(index, merge_atom_v);
    fs.fail(n, {.foreign = true});
    run();
    fs.heal();
    EXPECT_TRUE(checkpoint.arrived()) << n;
    EXPECT_TRUE(merge.arrived()) << n;
    EXPECT_FALSE(status(index).checkpoint_running) << n;
    EXPECT_FALSE(status(index).merge_running) << n;
    if (status(index).state == index_state::read_only) {
      get<index_status>(index, reload_atom_v);
      EXPECT_EQ(status(index).state, index_state::ready) << status(index).reason;
    }
    EXPECT_EQ(get<upkeep_reply>(index, checkpoint_atom_v).file_version, 4u) << n;
    EXPECT_EQ(get<upkeep_reply>(index, merge_atom_v).num_file_segments, 1u) << n;
    EXPECT_EQ(found(index, 1000).size(), 4u) << n;
    close(index);
  }
}

TEST_F(checkpoints_and_merges, dead_memory_merger_is_replaced) {
  settings.max_memory_segments = 16;
  settings.idle_merge_after_ms = 0;
  const auto index = ready_index(prepare_index("a", 0));
  document_id id = 1;
  while (!state_of(index).engine->jobs().of(upkeep_kind::memory_merge)) {
    write(index, id++);
    while (!state_of(index).engine->jobs().of(upkeep_kind::memory_merge) && step()) {
    }
    ASSERT_LT(id, 20u);
  }
  kill_child(index, "memory merge_actor");
  run();
  EXPECT_NE(status(index).upkeep_error, "");
  advance(seconds(5));
  EXPECT_GT(status(index).memory_merges, 0u);
  EXPECT_EQ(status(index).upkeep_error, "") << "a later merge has succeeded";
  EXPECT_FALSE(status(index).merge_running);
  EXPECT_EQ(found(index, 1000).size(), id - 1);
}

TEST_F(checkpoints_and_merges, dead_manifest_actor_stops_writes_and_upkeep_until_a_reload) {
  const auto record = prepare_index("a", 2);
  const auto index = ready_index(record);
  write_and_run(index, 3);
  kill_child(index, "manifest_actor");
  run();
  EXPECT_EQ(status(index).state, index_state::read_only);
  const auto checkpoint = ask<upkeep_reply>(index, checkpoint_atom_v);
  const auto merge = ask<upkeep_reply>(index, merge_atom_v);
  run();
  EXPECT_EQ(checkpoint.code(), errc::read_only);
  EXPECT_EQ(merge.code(), errc::read_only);
  const auto operations = fs.num_operations();
  advance(seconds(60));
  EXPECT_EQ(fs.num_operations(), operations) << "upkeep that cannot be committed";
  get<index_status>(index, reload_atom_v);
  EXPECT_EQ(status(index).state, index_state::ready);
  EXPECT_EQ(get<upkeep_reply>(index, checkpoint_atom_v).file_version, 3u);
  close(index);
}

TEST_F(checkpoints_and_merges, upkeep_waits_for_the_sweep) {
  const auto record = prepare_index("a", 1);
  settings.checkpoint_threshold = 100;
  {
    const auto index = ready_index(record);
    write_and_run(index, 2);
    kill(index);
    run();
  }
  settings.checkpoint_threshold = 1;
  posix_file_system().create(folders(record).data / "left.seg.tmp");
  const auto index = spawn_index(record);
  while (!state_of(index).is_serving()) ASSERT_TRUE(step());
  // The sweep removes whatever the manifest does not name: nothing may be on its way there before it is done.
  EXPECT_FALSE(state_of(index).status().checkpoint_running);
  run();
  EXPECT_EQ(status(index).file_version, 2u);
}

TEST_F(checkpoints_and_merges, writes_are_held_while_upkeep_is_behind) {
  settings.checkpoint_threshold = 4;
  const auto index = ready_index(prepare_index("a", 0));
  const auto first = ask<update_reply>(
      index, insert(1, std::vector<hash_value>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17}));
  while (!state_of(index).engine->jobs().of(upkeep_kind::checkpoint)) ASSERT_TRUE(step());
  const auto held = write(index, 2);
  scheduler().prioritize(index);
  ASSERT_TRUE(step());
  EXPECT_TRUE(first.arrived() || step());
  EXPECT_FALSE(state_of(index).engine->has_batch());
  EXPECT_EQ(state_of(index).engine->num_queued(), 1u);
  run();
  EXPECT_EQ(held.value().version, 2u);
  EXPECT_EQ(first.value().version, 1u);
}

TEST_F(checkpoints_and_merges, writes_are_refused_while_upkeep_fails_with_full_memory) {
  settings.checkpoint_threshold = 4;
  const auto index = ready_index(prepare_index("a", 0));
  write_and_run(index, 1);
  fail_checkpoints();
  for (document_id id = 2; id <= 8; id++) write_and_run(index, id);
  EXPECT_EQ(status(index).memory_postings, 16u);
  const auto refused = write(index, 9);
  run();
  EXPECT_EQ(refused.code(), errc::read_only);
  EXPECT_NE(refused.text().find("injected failure"), std::string::npos) << refused.text();
  fs.heal();
  advance(seconds(5));
  EXPECT_EQ(status(index).checkpoints, 1u);
  write_and_run(index, 9);
  EXPECT_EQ(found(index, 1000).size(), 9u);
}

TEST_F(checkpoints_and_merges, close_during_upkeep) {
  for (int steps = 0; steps < 12; steps++) {
    const auto record = prepare_index("i" + std::to_string(steps), 4);
    const auto index = ready_index(record);
    write_and_run(index, 5);
    const auto checkpoint = ask<upkeep_reply>(index, checkpoint_atom_v);
    const auto merge = ask<upkeep_reply>(index, merge_atom_v);
    for (int i = 0; i < steps; i++) step();
    const auto closed = ask<done_atom>(index, close_atom_v);
    run();
    EXPECT_TRUE(closed.succeeded()) << steps;
    EXPECT_TRUE(checkpoint.arrived()) << steps;
    EXPECT_TRUE(merge.arrived()) << steps;
    const auto again = ready_index(record);
    EXPECT_EQ(found(again, 1000).size(), 5u) << steps;
    close(again);
  }
}

// Unmapping a large segment would keep everybody waiting.
TEST_F(checkpoints_and_merges, merged_segments_are_dropped_outside_of_the_coordinator) {
  const auto index = ready_index(prepare_index("a", 3));
  std::vector<std::weak_ptr<const segment>> inputs;
  for (const auto& e : state_of(index).current()->entries()) inputs.emplace_back(e.segment);
  ASSERT_EQ(inputs.size(), 3u);
  const auto merged = ask<upkeep_reply>(index, merge_atom_v);
  while (state_of(index).engine->counts().file_merges == 0) ASSERT_TRUE(step());
  EXPECT_EQ(state_of(index).current()->entries().size(), 1u);
  for (const auto& s : inputs) EXPECT_FALSE(s.expired());
  run();
  EXPECT_EQ(merged.value().num_file_segments, 1u);
  for (const auto& s : inputs) EXPECT_TRUE(s.expired());
}

}  // namespace
}  // namespace fp
