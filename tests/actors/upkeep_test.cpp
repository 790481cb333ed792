#include "core/segment/segment_format.hpp"
#include "tests/actors/support/actor_fixture.hpp"

namespace fp {
namespace {

using std::chrono::seconds;
using test::fs_operation;

/// Upkeep that fails, and upkeep of an index that is written to without end, or no more.
class upkeep : public test::actor_fixture {
 protected:
  upkeep() {
    settings.checkpoint_age_ms = 0;
    settings.checkpoint_threshold = 20;
    settings.merge = {.min_segment_size = 1,
                      .max_segment_size = 1'000'000,
                      .segments_per_level = 2,
                      .segments_per_merge = 4,
                      .max_segments = 0};
    space = [this](const path&) { return disk; };
  }

  path file(const index_record& record, const std::string& name) { return folders(record).data / name; }
  /// Flips a bit of the last byte, which pads the section of metadata: no search meets it.
  static void flip(const path& file) {
    const auto bytes = read_file(posix_file_system(), file);
    const char other = static_cast<char>(bytes.back() ^ 1);
    posix_file_system().open_for_writing(file)->write_at(bytes.size() - 1, std::as_bytes(std::span(&other, 1)));
  }
  size_t times_logged(const std::string& text) const {
    const auto log = log_text();
    size_t times = 0;
    for (size_t at = log.find(text); at != std::string::npos; at = log.find(text, at + 1)) times++;
    return times;
  }
  /// How many of so many writes succeed; time goes on between them.
  size_t writes_that_succeed(const index_coordinator_handle& index, size_t count, caf::timespan between) {
    size_t succeeded = 0;
    for (size_t i = 0; i < count; i++) {
      const auto written = write(index, next_id++);
      run();
      succeeded += written.succeeded();
      advance(between);
    }
    return succeeded;
  }

  /// Writes while merges of files fail for `why`, and nothing else does.
  void expect_merges_alone_to_fail(const index_coordinator_handle& index, const std::string& why) {
    EXPECT_EQ(writes_that_succeed(index, 900, std::chrono::milliseconds(50)), 900u);
    const auto s = status(index);
    EXPECT_EQ(s.state, index_state::ready);
    EXPECT_EQ(s.checkpoints, 90u);
    EXPECT_EQ(s.file_merges, 0u);
    EXPECT_EQ(s.upkeep_error.find("merge of files: " + why), 0u) << s.upkeep_error;
    EXPECT_EQ(s.upkeep_error.find("checkpoint: "), std::string::npos) << s.upkeep_error;
    EXPECT_GT(times_logged("merge of files failed: " + why), 2u);
    EXPECT_LT(times_logged("merge of files failed: " + why), 8u) << "the delay grows";
    EXPECT_EQ(times_logged("[error]"), times_logged("merge of files failed: " + why));
  }
  /// What they failed for is over.
  void expect_merges_to_go_on(const index_coordinator_handle& index, size_t num_documents) {
    advance(seconds(60));
    const auto s = status(index);
    EXPECT_GT(s.file_merges, 0u);
    EXPECT_LT(s.num_file_segments, 20u);
    EXPECT_EQ(s.upkeep_error, "");
    EXPECT_EQ(found(index, 1000).size(), num_documents);
  }

  static constexpr disk_space roomy{uint64_t{1} << 40, uint64_t{1} << 39};
  disk_space disk = roomy;
  document_id next_id = 10'000;
};

TEST_F(upkeep, damaged_segment_stops_neither_writes_nor_other_merges) {
  const auto record = prepare_index("a", 8);
  settings.merge.segments_per_level = 8;
  const auto index = ready_index(record);
  flip(file(record, segment_file_name(3, 3)));
  EXPECT_EQ(writes_that_succeed(index, 900, std::chrono::milliseconds(50)), 900u);
  const auto s = status(index);
  EXPECT_EQ(s.state, index_state::ready);
  EXPECT_EQ(s.checkpoints, 90u);
  EXPECT_GT(s.file_merges, 5u);
  EXPECT_LT(s.num_file_segments, 50u);
  EXPECT_EQ(s.damaged_segments, 1u);
  EXPECT_NE(s.damage.find(segment_file_name(3, 3)), std::string::npos) << s.damage;
  EXPECT_EQ(times_logged("merge of files failed"), 1u) << "tried again with the damage in it";
  EXPECT_EQ(found(index, 1000).size(), 908u);
  // What was asked for in full could not be had in full, and says why.
  const auto merged = ask<upkeep_reply>(index, merge_atom_v);
  run();
  EXPECT_EQ(merged.code(), errc::corrupt_data);
  EXPECT_EQ(status(index).num_file_segments, 3u) << "before it, it, and behind it";
}

TEST_F(upkeep, many_damaged_segments_are_told_of_one_by_one) {
  const auto record = prepare_index("a", 40);
  settings.merge.segments_per_level = 64;
  const auto index = ready_index(record);
  for (commit_id id = 1; id <= 40; id++) flip(file(record, segment_file_name(id, id)));
  const auto merged = ask<upkeep_reply>(index, merge_atom_v);
  run();
  EXPECT_EQ(merged.code(), errc::corrupt_data);
  EXPECT_EQ(status(index).damaged_segments, 40u);
  for (commit_id id = 2; id <= 40; id++) EXPECT_EQ(times_logged(segment_file_name(id, id)), 1u) << id;
  EXPECT_LT(merged.text().size(), 1'000u);
  EXPECT_LT(status(index).upkeep_error.size(), 1'000u);
  EXPECT_EQ(status(index).damage.find(segment_file_name(2, 2)), std::string::npos) << status(index).damage;
}

TEST_F(upkeep, requested_merge_tells_of_damage_that_it_meets) {
  const auto record = prepare_index("a", 5);
  settings.merge.segments_per_level = 16;
  const auto index = ready_index(record);
  flip(file(record, segment_file_name(3, 3)));
  const auto merged = ask<upkeep_reply>(index, merge_atom_v);
  run();
  EXPECT_EQ(merged.code(), errc::corrupt_data);
  EXPECT_NE(merged.text().find(segment_file_name(3, 3)), std::string::npos) << merged.text();
  EXPECT_EQ(status(index).num_file_segments, 3u);
  EXPECT_NE(status(index).upkeep_error, "");
  // Its copy is back: the scrub tells.
  flip(file(record, segment_file_name(3, 3)));
  state_of(index).on_scrubbed({state_of(index).engine->served().files()->entries()[1].segment->info(), {}});
  run();
  EXPECT_EQ(status(index).damaged_segments, 0u);
  EXPECT_EQ(get<upkeep_reply>(index, merge_atom_v).num_file_segments, 1u);
  EXPECT_EQ(status(index).upkeep_error, "");
  EXPECT_EQ(found(index, 1000).size(), 5u);
}

TEST_F(upkeep, what_is_heard_of_a_forgotten_merge_is_no_damage) {
  settings.merge.segments_per_level = 16;
  const auto index = ready_index(prepare_index("a", 2));
  auto& coordinator = state_of(index);
  const auto segment = coordinator.engine->served().files()->entries()[0].segment->info();
  const uint64_t forgotten = 1000;
  coordinator.on_merge_failed(forgotten, make_error(errc::corrupt_data, "damaged"), {{segment, "damaged"}});
  run();
  EXPECT_EQ(status(index).damaged_segments, 0u);
  EXPECT_EQ(times_logged("damaged"), 0u);
}

TEST_F(upkeep, merges_without_room_on_the_disk_stop_no_writes) {
  const auto record = prepare_index("a", 3);
  const auto index = ready_index(record);
  disk = {uint64_t{1} << 30, uint64_t{32} << 20};
  expect_merges_alone_to_fail(index, "a merge may write ");
  disk = roomy;
  expect_merges_to_go_on(index, 903);
}

// The room that there was when it began is gone: others write, too.
TEST_F(upkeep, merges_that_meet_a_full_disk_stop_no_writes) {
  const auto record = prepare_index("a", 3);
  const auto index = spawn_index(record);
  const auto& state = state_of(index);
  fs.fail(1,
          {.code = errc::no_space,
           .short_write = 100,
           .permanent = true,
           .hits =
               [&](const path& f) {
                 const auto* merge = state.engine ? state.engine->jobs().of(upkeep_kind::file_merge) : nullptr;
                 return merge != nullptr && f.filename().string().starts_with(merge->file_name);
               }},
          fs_operation::write);
  run();
  expect_merges_alone_to_fail(index, "injected failure: ");
  EXPECT_EQ(times_logged("merge of files failed: injected failure: "), fs.num_failed()) << "once a try";
  for (const auto& name : posix_file_system().list(folders(record).data)) {
    EXPECT_FALSE(name.ends_with(".tmp")) << "takes what room there is: " << name;
  }
  fs.heal();
  expect_merges_to_go_on(index, 903);
}

TEST_F(upkeep, full_memory_that_cannot_be_written_out_is_read_only_until_it_can) {
  const auto index = ready_index(prepare_index("a", 0));
  write(index, 1);
  run();
  fs.fail(1, {.code = errc::no_space, .permanent = true}, fs_operation::create);
  EXPECT_LT(writes_that_succeed(index, 50, std::chrono::milliseconds(1)), 50u);
  const auto s = status(index);
  EXPECT_EQ(s.state, index_state::read_only);
  EXPECT_NE(s.reason.find("memory is full and cannot be written out: "), std::string::npos) << s.reason;
  EXPECT_EQ(heard.back().entry.state, index_state::read_only);
  EXPECT_EQ(found(index, 1000).size(), s.version);
  advance(seconds(300));
  EXPECT_EQ(status(index).state, index_state::read_only);
  fs.heal();
  advance(seconds(5));
  EXPECT_EQ(status(index).state, index_state::ready) << "nobody wrote: it finds out";
  EXPECT_EQ(status(index).reason, "");
  EXPECT_EQ(writes_that_succeed(index, 50, std::chrono::milliseconds(1)), 50u);
}

TEST_F(upkeep, requested_merge_ends_while_writes_go_on) {
  settings.merge.segments_per_level = 64;
  const auto index = ready_index(prepare_index("a", 8));
  const auto merged = ask<upkeep_reply>(index, merge_atom_v);
  for (document_id id = 100; id < 2'000 && !merged.arrived(); id++) {
    write(index, id);
    for (int i = 0; i < 3; i++) step();
  }
  EXPECT_TRUE(merged.succeeded()) << merged.text();
  EXPECT_LE(state_of(index).engine->counts().file_merges, 2u);
  EXPECT_EQ(state_of(index).engine->served().files()->entries()[0].segment->info().first_commit, 1u);
  EXPECT_GE(state_of(index).engine->served().files()->entries()[0].segment->info().last_commit, 8u);
  run();
}

TEST_F(upkeep, deletes_alone_are_checkpointed_and_leave_no_log) {
  settings.checkpoint_threshold = 1'000'000;
  settings.checkpoint_commits = 20;
  settings.oplog_file_bytes = 1;
  const auto record = prepare_index("a", 1);
  const auto index = ready_index(record);
  for (int i = 0; i < 110; i++) get<update_reply>(index, erase(1));
  EXPECT_EQ(status(index).checkpoints, 5u);
  EXPECT_LE(posix_file_system().list(folders(record).oplog).size(), 21u);
}

TEST_F(upkeep, rewrites_of_a_small_set_are_checkpointed_by_the_bytes_of_the_log) {
  settings.checkpoint_threshold = 1'000'000;
  settings.checkpoint_log_bytes = 1'000;
  const auto index = ready_index(prepare_index("a", 0));
  for (int i = 0; i < 200; i++) get<update_reply>(index, insert(1, {1, 2, 3}));
  EXPECT_GE(status(index).checkpoints, 3u);
  EXPECT_LE(status(index).checkpoints, 20u);
}

// A merge keeps what only memory supersedes: chosen for that, it would be chosen again and again.
TEST_F(upkeep, what_memory_supersedes_is_rewritten_behind_its_checkpoint) {
  settings.checkpoint_threshold = 1'000'000;
  const auto index = ready_index(prepare_index("a", 8));
  get<upkeep_reply>(index, merge_atom_v);
  const auto merges = status(index).file_merges;
  for (document_id id = 1; id <= 8; id++) get<update_reply>(index, insert(id, {id, 2000}));
  EXPECT_EQ(status(index).file_merges, merges);
  get<upkeep_reply>(index, checkpoint_atom_v);
  run();
  EXPECT_EQ(status(index).file_merges, merges + 1);
  EXPECT_EQ(state_of(index).info().num_postings, 16u) << "what is dead is gone";
  EXPECT_EQ(found(index, 2000).size(), 8u);
  EXPECT_EQ(found(index, 1000).size(), 0u);
}

TEST_F(upkeep, index_at_rest_is_written_out_and_merged) {
  settings.checkpoint_threshold = 1'000'000;
  settings.idle_merge_after_ms = 3'000;
  settings.merge = {};
  const auto index = ready_index(prepare_index("a", 1));
  advance(seconds(60));
  for (document_id id = 2; id <= 6; id++) {
    write(index, id);
    run();
    advance(std::chrono::milliseconds(2'999));
    EXPECT_EQ(status(index).checkpoints, 0u) << "somebody writes";
  }
  advance(std::chrono::milliseconds(1));
  EXPECT_EQ(status(index).checkpoints, 1u);
  EXPECT_EQ(status(index).file_version, 6u);
  EXPECT_EQ(status(index).num_memory_segments, 0u);
  EXPECT_EQ(status(index).num_file_segments, 1u);
  const auto operations = fs.num_operations();
  advance(seconds(3'600));
  EXPECT_EQ(fs.num_operations(), operations) << "there is nothing left to do";
}

}  // namespace
}  // namespace fp
