#include <numeric>

#include "tests/actors/support/actor_fixture.hpp"

namespace fp {
namespace {

using test::fs_operation;
using write_answer = test::answer<update_reply>;

class writing : public test::actor_fixture {
 protected:
  /// Appends to the log so far: each is one sync of a log file.
  size_t num_syncs() { return fs.num_operations(fs_operation::sync); }
  /// Steps until a batch is on its way to the disk.
  void until_batch(const index_coordinator_handle& index) {
    while (!state_of(index).engine->has_batch()) ASSERT_TRUE(step());
  }
  /// Enough that its indexing is no work for the scheduler; holds hash 20,000.
  static update_request bulk_insert(document_id id) {
    std::vector<hash_value> hashes(20'000);
    std::iota(hashes.begin(), hashes.end(), 10'000);
    return insert(id, std::move(hashes));
  }
  update_request expecting(document_id id, commit_id version) {
    auto request = insert(id, {id, 1000});
    request.expected_version = version;
    return request;
  }
};

TEST_F(writing, is_visible_once_acknowledged_and_durable) {
  const auto record = prepare_index("a", 0);
  {
    const auto index = ready_index(record);
    const auto written = write(index, 5);
    run();
    EXPECT_EQ(written.value().version, 1u);
    EXPECT_EQ(found(index, 5), std::vector<document_id>{5});
    EXPECT_EQ(get<update_reply>(index, erase(5)).version, 2u);
    EXPECT_TRUE(found(index, 5).empty());
    EXPECT_EQ(get<update_reply>(index, insert(6, {1, 2})).version, 3u);
    kill(index);
    run();
  }
  const auto index = ready_index(record);
  EXPECT_EQ(status(index).version, 3u);
  EXPECT_EQ(found(index, 1), std::vector<document_id>{6});
  EXPECT_EQ(get<document_reply>(index, document_request{6}).version, 3u);
}

TEST_F(writing, updates_queued_behind_a_batch_share_one_append) {
  const auto index = ready_index(prepare_index("a", 0));
  get<update_reply>(index, insert(1, {1}));
  const auto before = num_syncs();
  std::vector<write_answer> answers{write(index, 2)};
  until_batch(index);
  for (document_id id = 3; id < 40; id++) answers.push_back(write(index, id));
  run();
  EXPECT_EQ(num_syncs(), before + 2);
  for (size_t i = 0; i < answers.size(); i++) EXPECT_EQ(answers[i].value().version, i + 2);
  EXPECT_EQ(status(index).updates, answers.size() + 1);
  EXPECT_EQ(status(index).queued_updates, 0u);
}

TEST_F(writing, expected_versions_are_compared_within_a_batch) {
  const auto index = ready_index(prepare_index("a", 0));
  const auto first = write(index, 1);
  until_batch(index);
  const auto right = ask<update_reply>(index, expecting(2, 1));
  const auto wrong = ask<update_reply>(index, expecting(3, 1));
  const auto right_again = ask<update_reply>(index, expecting(4, 2));
  const auto too_new = ask<update_reply>(index, expecting(5, 7));
  const auto plain = write(index, 6);
  run();
  EXPECT_EQ(first.value().version, 1u);
  EXPECT_EQ(right.value().version, 2u);
  EXPECT_EQ(wrong.code(), errc::version_mismatch);
  EXPECT_NE(wrong.text().find("at version 2, not 1"), std::string::npos) << wrong.text();
  EXPECT_EQ(right_again.value().version, 3u);
  EXPECT_EQ(too_new.code(), errc::version_mismatch);
  EXPECT_EQ(plain.value().version, 4u);
  EXPECT_EQ(status(index).version, 4u);
  // A batch of nothing but mismatches has nothing to append.
  const auto before = num_syncs();
  const auto alone = ask<update_reply>(index, expecting(3, 1));
  run();
  EXPECT_EQ(alone.code(), errc::version_mismatch);
  EXPECT_EQ(num_syncs(), before);
  EXPECT_EQ(get<update_reply>(index, expecting(3, 4)).version, 5u);
}

TEST_F(writing, invalid_updates_change_nothing) {
  settings.max_update_bytes = 1000;
  const auto index = ready_index(prepare_index("a", 0));
  const auto garbage = ask<update_reply>(index, update_request{{1, 2, 3}, caf::none, 0});
  const auto zero = ask<update_reply>(index, insert(0, {1}));
  const auto empty = ask<update_reply>(index, insert(1, {}));
  const auto large = ask<update_reply>(index, insert(1, std::vector<hash_value>(1000, 1)));
  const auto good = write(index, 9);
  run();
  EXPECT_EQ(garbage.code(), errc::bad_request);
  EXPECT_EQ(zero.code(), errc::invalid_document_id);
  EXPECT_EQ(empty.code(), errc::empty_fingerprint);
  EXPECT_EQ(large.code(), errc::payload_too_large);
  EXPECT_EQ(good.value().version, 1u);
  EXPECT_EQ(status(index).version, 1u);
}

TEST_F(writing, queue_is_bounded_in_number_and_bytes) {
  settings.max_queued_updates = 3;
  settings.max_queued_update_bytes = 4000;
  const auto index = ready_index(prepare_index("a", 0));
  const auto first = write(index, 1);
  until_batch(index);
  std::vector<write_answer> answers;
  for (document_id id = 2; id < 8; id++) answers.push_back(write(index, id));
  run();
  for (size_t i = 0; i < 3; i++) EXPECT_TRUE(answers[i].succeeded());
  for (size_t i = 3; i < answers.size(); i++) EXPECT_EQ(answers[i].code(), errc::overloaded);

  const auto second = write(index, 1);
  until_batch(index);
  const auto large = ask<update_reply>(index, insert(10, std::vector<hash_value>(600, 1)));
  const auto too_much = ask<update_reply>(index, insert(11, std::vector<hash_value>(600, 1)));
  run();
  EXPECT_TRUE(large.succeeded());
  EXPECT_EQ(too_much.code(), errc::overloaded);
  // What was queued is no longer counted.
  EXPECT_EQ(state_of(index).engine->num_queued_bytes(), 0u);
  EXPECT_TRUE(get<update_reply>(index, insert(11, std::vector<hash_value>(600, 1))).version > 0);
}

TEST_F(writing, failed_append_fails_all_and_the_next_success_ends_read_only) {
  const auto index = ready_index(prepare_index("a", 1));
  get<update_reply>(index, insert(2, {2}));
  const auto first = write(index, 3);
  until_batch(index);
  const auto mismatch = ask<update_reply>(index, expecting(4, 99)), queued = write(index, 5);
  fs.fail(1, {.code = errc::no_space}, fs_operation::write);
  run();
  for (const auto& a : {first, mismatch, queued}) EXPECT_EQ(a.code(), errc::read_only) << a.text();
  auto s = status(index);
  EXPECT_EQ(s.state, index_state::read_only);
  EXPECT_NE(s.reason.find("injected failure"), std::string::npos) << s.reason;
  EXPECT_EQ(s.version, 2u);
  EXPECT_EQ(found(index, 2).size(), 1u);
  EXPECT_EQ(heard.back().entry.state, index_state::read_only);

  EXPECT_EQ(get<update_reply>(index, insert(7, {7})).version, 3u);
  s = status(index);
  EXPECT_EQ(s.state, index_state::ready);
  EXPECT_EQ(s.reason, "");
  EXPECT_EQ(heard.back().entry.state, index_state::ready);
}

TEST_F(writing, read_only_index_goes_on_by_itself_when_the_disk_takes_writes_again) {
  const auto index = ready_index(prepare_index("a", 0));
  get<update_reply>(index, insert(1, {1}));
  fs.fail(1, {.code = errc::no_space, .permanent = true}, fs_operation::write);
  const auto failed = write(index, 2);
  run();
  EXPECT_EQ(failed.code(), errc::read_only) << failed.text();
  for (int i = 0; i < 3; i++) {
    advance(retry::first_delay);
    EXPECT_EQ(status(index).state, index_state::read_only) << "the disk is full still";
    EXPECT_EQ(found(index, 1).size(), 1u);
  }
  fs.heal();
  advance(retry::first_delay);
  EXPECT_EQ(status(index).state, index_state::ready);
  EXPECT_EQ(status(index).reason, "");
  EXPECT_EQ(status(index).version, 1u) << "finding out is no commit";
  EXPECT_EQ(get<update_reply>(index, insert(2, {2})).version, 2u);
}

TEST_F(writing, broken_log_is_not_mended_by_room) {
  const auto index = ready_index(prepare_index("a", 0));
  get<update_reply>(index, insert(1, {1}));
  fs.fail(1, {.permanent = true});
  const auto failed = write(index, 2);
  run();
  EXPECT_EQ(failed.code(), errc::read_only);
  fs.heal();
  advance(retry::first_delay);
  EXPECT_EQ(status(index).state, index_state::read_only);
}

TEST_F(writing, broken_log_refuses_writes_until_a_reload) {
  const auto index = ready_index(prepare_index("a", 0));
  get<update_reply>(index, insert(1, {1}));
  fs.fail(1, {.permanent = true});
  const auto failed = write(index, 2);
  run();
  EXPECT_EQ(failed.code(), errc::read_only);
  fs.heal();
  const auto refused = write(index, 3);
  run();
  EXPECT_EQ(refused.code(), errc::read_only);
  EXPECT_EQ(status(index).state, index_state::read_only);
  EXPECT_EQ(found(index, 1).size(), 1u);
  EXPECT_EQ(get<index_status>(index, reload_atom_v).state, index_state::loading);
  EXPECT_EQ(status(index).state, index_state::ready);
  EXPECT_EQ(found(index, 1).size(), 1u);
  EXPECT_GT(get<update_reply>(index, insert(4, {4})).version, 1u);
  EXPECT_EQ(status(index).state, index_state::ready);
}

TEST_F(writing, log_actor_that_dies_blocks_writes_until_a_reload) {
  const auto index = ready_index(prepare_index("a", 0));
  get<update_reply>(index, insert(1, {1}));
  kill_child(index, "oplog_actor");
  run();
  EXPECT_EQ(status(index).state, index_state::read_only);
  EXPECT_NE(status(index).reason.find("oplog_actor died"), std::string::npos) << status(index).reason;
  const auto refused = write(index, 2);
  run();
  EXPECT_EQ(refused.code(), errc::read_only);
  get<index_status>(index, reload_atom_v);
  EXPECT_EQ(get<update_reply>(index, insert(2, {2})).version, 2u);
  EXPECT_EQ(status(index).state, index_state::ready);
}

// What is thrown is unknown even to the log actor, which dies with the append in its hands.
TEST_F(writing, log_actor_that_dies_while_appending_fails_the_batch) {
  const auto index = ready_index(prepare_index("a", 0));
  get<update_reply>(index, insert(1, {1}));
  const auto first = write(index, 2);
  until_batch(index);
  const auto queued = write(index, 3);
  fs.fail(1, {.foreign = true}, fs_operation::sync);
  run();
  fs.heal();
  for (const auto& a : {first, queued}) {
    EXPECT_TRUE(a.arrived());
    EXPECT_FALSE(a.succeeded());
  }
  EXPECT_EQ(status(index).queued_updates, 0u);
  EXPECT_EQ(status(index).state, index_state::read_only);
  get<index_status>(index, reload_atom_v);
  const auto s = status(index);
  EXPECT_EQ(s.state, index_state::ready);
  EXPECT_EQ(get<update_reply>(index, insert(4, {4})).version, s.version + 1);
  close(index);
}

TEST_F(writing, builder_that_dies_blocks_writes_until_a_reload) {
  const auto index = ready_index(prepare_index("a", 0));
  get<update_reply>(index, insert(1, {1}));
  const auto first = write(index, 2);
  until_batch(index);
  const auto queued = write(index, 3);
  kill_child(index, "segment_builder");
  run();
  EXPECT_EQ(first.code(), errc::read_only) << first.text();
  EXPECT_EQ(queued.code(), errc::read_only) << queued.text();
  auto s = status(index);
  EXPECT_EQ(s.state, index_state::read_only);
  EXPECT_EQ(s.version, 1u);
  EXPECT_EQ(s.queued_updates, 0u);
  get<index_status>(index, reload_atom_v);
  s = status(index);
  EXPECT_EQ(s.state, index_state::ready);
  EXPECT_EQ(get<update_reply>(index, insert(4, {4})).version, s.version + 1);
  EXPECT_EQ(found(index, 4).size(), 1u);
}

TEST_F(writing, builder_that_dies_idle_is_replaced) {
  const auto index = ready_index(prepare_index("a", 0));
  for (const auto* role : {"segment_builder", "bulk segment_builder"}) {
    kill_child(index, role);
    run();
    EXPECT_EQ(status(index).state, index_state::ready);
  }
  EXPECT_EQ(get<update_reply>(index, insert(1, {1})).version, 1u);
  EXPECT_EQ(get<update_reply>(index, bulk_insert(2)).version, 2u);
}

TEST_F(writing, large_batch_is_indexed_apart_from_small_ones) {
  const auto index = ready_index(prepare_index("a", 0));
  for (const bool is_large : {false, true}) {
    const auto written = ask<update_reply>(index, is_large ? bulk_insert(2) : insert(1, {1}));
    until_batch(index);
    kill_child(index, is_large ? "segment_builder" : "bulk segment_builder");
    run();
    EXPECT_TRUE(written.succeeded()) << written.text();
  }
  EXPECT_EQ(found(index, 1).size(), 1u);
  EXPECT_EQ(found(index, 20'000).size(), 1u);
}

TEST_F(writing, reload_answers_a_batch_in_flight) {
  const auto index = ready_index(prepare_index("a", 0));
  get<update_reply>(index, insert(1, {1}));
  fs.fail(1, {}, fs_operation::write);
  const auto failed = write(index, 2);
  run();
  ASSERT_EQ(status(index).state, index_state::read_only);
  for (int steps = 0; steps < 12; steps++) {
    const auto in_flight = write(index, 3);
    until_batch(index);
    // A read-only index, caught at different points of the batch's way.
    state_of(index).state = index_state::read_only;
    const auto reloaded = ask<index_status>(index, reload_atom_v);
    for (int i = 0; i < steps; i++) step();
    run();
    EXPECT_TRUE(in_flight.arrived()) << steps;
    const auto s = status(index);
    EXPECT_EQ(s.state, index_state::ready) << steps << ": " << s.reason;
    EXPECT_EQ(s.queued_updates, 0u);
    EXPECT_EQ(s.oplog_bytes, state_of(index).oplog_bytes);
    if (in_flight.succeeded()) {
      EXPECT_GE(s.version, in_flight.value().version);
    }
    EXPECT_EQ(get<update_reply>(index, insert(4, {4})).version, s.version + 1) << steps;
    EXPECT_EQ(found(index, 4).size(), 1u);
  }
}

TEST_F(writing, close_answers_accepted_writes_first) {
  const auto record = prepare_index("a", 0);
  const auto index = ready_index(record);
  std::vector<write_answer> answers{write(index, 1)};
  until_batch(index);
  for (document_id id = 2; id < 20; id++) answers.push_back(write(index, id));
  const auto closed = ask<done_atom>(index, close_atom_v);
  const auto late = write(index, 99);
  run();
  EXPECT_TRUE(closed.succeeded());
  for (size_t i = 0; i < answers.size(); i++) EXPECT_EQ(answers[i].value().version, i + 1);
  EXPECT_TRUE(late.arrived());
  EXPECT_FALSE(late.succeeded());
  EXPECT_EQ(status(ready_index(record)).version, 19u);
}

TEST_F(writing, close_answers_held_writes) {
  settings.checkpoint_threshold = 2;
  settings.checkpoint_age_ms = 0;
  const auto record = prepare_index("a", 0);
  const auto index = ready_index(record);
  // Memory is full before the checkpoint that would empty it has run.
  const auto first = ask<update_reply>(index, insert(1, {1, 2, 3, 4, 5, 6, 7, 8}));
  while (!state_of(index).engine->jobs().of(upkeep_kind::checkpoint)) ASSERT_TRUE(step());
  const auto held = write(index, 2);
  scheduler().prioritize(index);
  step();
  ASSERT_EQ(state_of(index).engine->num_queued(), 1u);
  const auto closed = ask<done_atom>(index, close_atom_v);
  scheduler().prioritize(index);
  run();
  EXPECT_EQ(first.value().version, 1u);
  EXPECT_EQ(held.value().version, 2u);
  EXPECT_TRUE(closed.succeeded());
}

TEST_F(writing, close_goes_on_when_the_log_dies) {
  const auto record = prepare_index("a", 0);
  for (int steps = 0; steps < 10; steps++) {
    const auto index = ready_index(record);
    const auto first = write(index, 1);
    until_batch(index);
    const auto second = write(index, 2);
    const auto closed = ask<done_atom>(index, close_atom_v);
    for (int i = 0; i < steps; i++) step();
    fs.fail(1, {.foreign = true});
    run();
    fs.heal();
    EXPECT_TRUE(first.arrived()) << steps;
    EXPECT_TRUE(second.arrived()) << steps;
    EXPECT_TRUE(closed.arrived()) << steps;
  }
}

/// As a replica has them, that takes its versions from elsewhere.
TEST_F(writing, goes_on_behind_versions_that_jump) {
  settings.checkpoint_commits = 10;
  const auto record = prepare_index("a", 0);
  {
    oplog_replay report;
    const auto log = oplog::open(
        posix_file_system(), folders(record).oplog, {}, 0, [](commit&&) {}, report);
    log->append({{test::make_commit_behind(0, 500, {{1, {1, 1000}}}),
                  test::make_commit_behind(500, 1'000'000, {{2, {2, 1000}}})}});
  }
  {
    const auto index = ready_index(record);
    EXPECT_EQ(status(index).version, 1'000'000u);
    EXPECT_EQ(state_of(index).current()->file_version(), 0u) << "two commits are no reason for a checkpoint";
    EXPECT_EQ(get<document_reply>(index, document_request{1}).version, 500u);
    EXPECT_EQ(get<update_reply>(index, expecting(3, 1'000'000)).version, 1'000'001u);
    const auto late = ask<update_reply>(index, expecting(4, 2));
    run();
    EXPECT_EQ(late.code(), errc::version_mismatch);
    get<upkeep_reply>(index, checkpoint_atom_v);
    EXPECT_EQ(get<update_reply>(index, insert(5, {5, 1000})).version, 1'000'002u);
    kill(index);
    run();
  }
  const auto index = ready_index(record);
  EXPECT_EQ(status(index).version, 1'000'002u);
  EXPECT_EQ(state_of(index).current()->file_version(), 1'000'001u);
  EXPECT_EQ(found(index, 1000), (std::vector<document_id>{1, 2, 3, 5}));
}

}  // namespace
}  // namespace fp
