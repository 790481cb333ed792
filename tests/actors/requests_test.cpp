#include "tests/actors/support/actor_fixture.hpp"
#include "tests/actors/support/scripted_loaders.hpp"

namespace fp {
namespace {

using std::chrono::milliseconds;
using test::scripted_loaders;

/// Requests while an index loads, and searches.
class requests : public test::actor_fixture {
 protected:
  ~requests() override { script.clear(); }
  index_coordinator_handle loading_index(size_t segments = 2) {
    spawn_loader = script.spawner();
    const auto index = spawn_index(prepare_index("a", segments));
    run();
    return index;
  }
  void finish_loading() {
    while (!script.jobs().empty()) {
      script.finish(0);
      run();
    }
  }
  static search_request patient_query(uint32_t ready_wait_ms) {
    auto request = query({1000});
    request.ready_wait_ms = ready_wait_ms;
    return request;
  }
  static update_request patient_insert(document_id id, uint32_t ready_wait_ms) {
    auto request = insert(id, {id, 1000});
    request.ready_wait_ms = ready_wait_ms;
    return request;
  }

  scripted_loaders script;
};

TEST_F(requests, of_every_kind_wait_for_readiness_and_are_served) {
  const auto index = loading_index();
  const auto search = ask<search_reply>(index, patient_query(1000));
  const auto batch = ask<search_batch_reply>(index, search_batch_request{{patient_query(1000), patient_query(0)}});
  const auto write = ask<update_reply>(index, patient_insert(3, 1000));
  const auto document = ask<document_reply>(index, document_request{2, 1000});
  const auto absent = ask<document_reply>(index, document_request{77, 1000});
  const auto info = ask<index_info>(index, index_info_request{1000});
  const auto segments = ask<segment_list>(index, segments_request{1000});
  advance(milliseconds(900));
  EXPECT_FALSE(search.arrived());
  EXPECT_EQ(status(index).waiting_requests, 7u);
  finish_loading();
  EXPECT_EQ(search.value().results.size(), 2u);
  EXPECT_EQ(batch.value().replies.size(), 2u);
  EXPECT_EQ(write.value().version, 3u);
  EXPECT_EQ(document.value().version, 2u);
  EXPECT_EQ(absent.code(), errc::document_not_found);
  EXPECT_EQ(info.value().num_documents, 2u);
  EXPECT_EQ(segments.value().segments.size(), 2u);
  EXPECT_EQ(status(index).waiting_requests, 0u);
  advance(std::chrono::minutes(1));
  EXPECT_EQ(found(index, 1000).size(), 3u);
}

// Gateways describe an index by itself: there may be hundreds of thousands of keys.
TEST_F(requests, of_gateways_for_what_is_served_copy_nothing) {
  const auto index = loading_index();
  const auto early = ask<snapshot_ptr>(index, served_request{});
  run();
  EXPECT_EQ(early.code(), errc::index_not_ready);
  finish_loading();
  EXPECT_EQ(get<snapshot_ptr>(index, served_request{}), state_of(index).current());
}

TEST_F(requests, expire_in_their_own_time) {
  const auto index = loading_index();
  const auto short_wait = ask<search_reply>(index, patient_query(100)),
             long_wait = ask<search_reply>(index, patient_query(5000));
  const auto no_wait = ask<search_reply>(index, patient_query(0));
  run();
  EXPECT_EQ(no_wait.code(), errc::index_not_ready);
  EXPECT_NE(no_wait.text().find("0 of 2 segments"), std::string::npos) << no_wait.text();
  advance(milliseconds(99));
  EXPECT_FALSE(short_wait.arrived());
  advance(milliseconds(1));
  EXPECT_EQ(short_wait.code(), errc::index_not_ready);
  EXPECT_FALSE(long_wait.arrived());
  finish_loading();
  EXPECT_TRUE(long_wait.succeeded());
}

TEST_F(requests, wait_no_longer_than_allowed) {
  settings.max_ready_wait_ms = 200;
  const auto index = loading_index();
  const auto search = ask<search_reply>(index, patient_query(1'000'000));
  run();
  advance(milliseconds(200));
  EXPECT_EQ(search.code(), errc::index_not_ready);
}

TEST_F(requests, that_wait_are_bounded_in_number) {
  settings.max_waiting_requests = 3;
  const auto index = loading_index();
  std::vector<test::answer<search_reply>> answers;
  for (int i = 0; i < 5; i++) answers.push_back(ask<search_reply>(index, patient_query(1000)));
  run();
  for (int i = 0; i < 3; i++) EXPECT_FALSE(answers[i].arrived());
  for (int i = 3; i < 5; i++) EXPECT_EQ(answers[i].code(), errc::overloaded);
  finish_loading();
  for (int i = 0; i < 3; i++) EXPECT_TRUE(answers[i].succeeded());
}

TEST_F(requests, that_wait_hear_of_a_failure_at_once) {
  const auto index = loading_index();
  const auto search = ask<search_reply>(index, patient_query(1000));
  const auto write = ask<update_reply>(index, patient_insert(1, 1000));
  run();
  script.fail(0, errc::corrupt_data, "seg: bad");
  run();
  for (const auto& code : {search.code(), write.code()}) EXPECT_EQ(code, errc::index_failed);
  EXPECT_NE(search.text().find("seg: bad"), std::string::npos);
  const auto later = ask<search_reply>(index, patient_query(1000));
  const auto checkpoint = ask<upkeep_reply>(index, checkpoint_atom_v);
  run();
  EXPECT_EQ(later.code(), errc::index_failed);
  EXPECT_EQ(checkpoint.code(), errc::index_failed);
}

TEST_F(requests, that_wait_hear_of_a_close_at_once) {
  const auto index = loading_index();
  const auto search = ask<search_reply>(index, patient_query(1000));
  run();
  const auto closed = ask<done_atom>(index, close_atom_v);
  run();
  EXPECT_EQ(search.code(), errc::shutting_down);
  const auto later = ask<search_reply>(index, patient_query(1000));
  const auto again = ask<done_atom>(index, close_atom_v);
  run();
  EXPECT_EQ(later.code(), errc::shutting_down);
  EXPECT_EQ(again.code(), errc::shutting_down);
  script.give_up(0);
  run();
  EXPECT_TRUE(closed.succeeded());
}

TEST_F(requests, that_wait_over_a_reload_are_served_by_it) {
  const auto index = loading_index();
  script.fail(0, errc::io_error, "x");
  run();
  while (!script.jobs().empty()) script.give_up(0);
  run();
  get<index_status>(index, reload_atom_v);
  const auto search = ask<search_reply>(index, patient_query(1000));
  finish_loading();
  EXPECT_EQ(search.value().results.size(), 2u);
}

TEST_F(requests, searches_are_checked) {
  const auto index = ready_index(prepare_index("a", 1));
  const auto empty = ask<search_reply>(index, query({}));
  const auto too_long = ask<search_reply>(index, query(std::vector<hash_value>(max_query_hashes + 1, 1)));
  const auto none = ask<search_batch_reply>(index, search_batch_request{});
  const auto one_bad = ask<search_batch_reply>(index, search_batch_request{{query({1}), query({})}});
  const auto too_many = ask<search_batch_reply>(
      index, search_batch_request{std::vector<search_request>(max_search_batch + 1, query({1}))});
  auto far = query({1});
  far.probes = max_probes + 1;
  const auto too_far = ask<search_reply>(index, far);
  const auto one_too_far = ask<search_batch_reply>(index, search_batch_request{{query({1}), far}});
  const auto zero = ask<document_reply>(index, document_request{});
  run();
  EXPECT_EQ(too_far.code(), errc::bad_request);
  EXPECT_EQ(one_too_far.code(), errc::bad_request);
  EXPECT_EQ(empty.code(), errc::empty_fingerprint);
  EXPECT_EQ(too_long.code(), errc::payload_too_large);
  EXPECT_TRUE(none.value().replies.empty());
  EXPECT_EQ(one_bad.code(), errc::empty_fingerprint);
  EXPECT_EQ(too_many.code(), errc::payload_too_large);
  EXPECT_EQ(zero.code(), errc::invalid_document_id);
  EXPECT_EQ(status(index).queued_searches, 0u);
}

TEST_F(requests, near_hashes_are_found_alone_and_in_a_batch) {
  const auto index = ready_index(prepare_index("a", 1));
  get<update_reply>(index, insert(77, {0xf0000000, 0xf0000001, 0x0f000000}));
  auto exact = query({0xf0000002, 0x0f000003});
  exact.min_score = 1;
  auto one = exact, two = exact;
  one.probes = 1;
  two.probes = 2;
  const auto found = [&](const search_request& r) { return get<search_reply>(index, r).results.to_vector(); };
  using results = std::vector<search_result>;
  EXPECT_EQ(found(exact), results{});
  EXPECT_EQ(found(one), (results{{77, 1}}));
  EXPECT_EQ(found(two), (results{{77, 2}}));
  const auto batch = get<search_batch_reply>(index, search_batch_request{{two, exact, one}});
  ASSERT_EQ(batch.replies.size(), 3u);
  EXPECT_EQ(batch.replies[0].results.to_vector(), (results{{77, 2}}));
  EXPECT_EQ(batch.replies[1].results.to_vector(), results{});
  EXPECT_EQ(batch.replies[2].results.to_vector(), (results{{77, 1}}));
}

TEST_F(requests, searches_beyond_the_queue_bound_are_refused) {
  settings.threads = 2;
  settings.max_queued_searches = 6;
  const auto index = ready_index(prepare_index("a", 1));
  std::vector<test::answer<search_reply>> answers;
  for (int i = 0; i < 10; i++) answers.push_back(ask<search_reply>(index, query({1000})));
  run();
  size_t served = 0, refused = 0;
  for (const auto& a : answers) {
    served += a.succeeded();
    refused += a.code() == errc::overloaded;
  }
  EXPECT_EQ(served, 6u);
  EXPECT_EQ(refused, 4u);
  EXPECT_EQ(status(index).queued_searches, 0u);
  EXPECT_EQ(found(index, 1000).size(), 1u);
}

TEST_F(requests, dead_searchers_are_replaced) {
  settings.threads = 2;
  const auto index = ready_index(prepare_index("a", 3));
  for (int round = 0; round < 3; round++) {
    std::vector<test::answer<search_reply>> answers;
    for (int i = 0; i < 6; i++) answers.push_back(ask<search_reply>(index, query({1000})));
    kill_child(index, "searcher 0");
    kill_child(index, "searcher 1");
    run();
    for (const auto& a : answers) EXPECT_TRUE(a.arrived());
    EXPECT_EQ(status(index).queued_searches, 0u);
    EXPECT_EQ(status(index).state, index_state::ready);
    EXPECT_EQ(found(index, 1000).size(), 3u);
  }
}

TEST_F(requests, searches_that_nobody_waits_for_are_not_run) {
  const auto index = ready_index(prepare_index("a", 2));
  const auto wanted = std::make_shared<const search_request>(query({1000}));
  const auto gone = std::make_shared<cancel_flag>(false), there = std::make_shared<cancel_flag>(false);
  const auto dropped = ask<search_reply>(index, local_search{wanted, gone});
  const auto kept = ask<search_reply>(index, local_search{wanted, there});
  gone->store(true);
  run();
  EXPECT_EQ(dropped.code(), errc::cancelled);
  EXPECT_EQ(kept.value().results.size(), 2u);
  EXPECT_EQ(status(index).queued_searches, 0u);
}

TEST_F(requests, searches_that_were_accepted_are_answered_before_a_close) {
  const auto index = ready_index(prepare_index("a", 3));
  std::vector<test::answer<search_reply>> answers;
  for (int i = 0; i < 20; i++) answers.push_back(ask<search_reply>(index, query({1000})));
  const auto closed = ask<done_atom>(index, close_atom_v);
  // The searchers run last.
  while (!state_of(index).ending_children) {
    scheduler().prioritize(index);
    scheduler().prioritize(state_of(index).log);
    ASSERT_TRUE(step());
  }
  run();
  EXPECT_TRUE(closed.succeeded());
  for (const auto& a : answers) EXPECT_EQ(a.value().results.size(), 3u);
}

// Whatever ends a coordinator, nobody may wait for its answer for ever.
TEST_F(requests, everybody_is_answered_when_the_coordinator_dies) {
  const auto index = loading_index();
  const auto search = ask<search_reply>(index, patient_query(1000));
  const auto write = ask<update_reply>(index, patient_insert(1, 1000));
  const auto closed = ask<done_atom>(index, close_atom_v);
  while (state_of(index).state != index_state::closing) ASSERT_TRUE(step());
  kill(index);
  run();
  EXPECT_TRUE(search.arrived());
  EXPECT_TRUE(write.arrived());
  EXPECT_TRUE(closed.arrived());
  EXPECT_FALSE(closed.succeeded());
  for (const auto& job : script.jobs()) EXPECT_TRUE(is_cancelled(job.cancel.get()));
}

TEST_F(requests, writers_are_answered_when_the_coordinator_dies) {
  const auto index = ready_index(prepare_index("a", 1));
  const auto first = write(index, 10), second = write(index, 11);
  const auto checkpoint = ask<upkeep_reply>(index, checkpoint_atom_v);
  while (!state_of(index).engine->has_batch()) ASSERT_TRUE(step());
  const auto third = write(index, 12);
  const auto merge = ask<upkeep_reply>(index, merge_atom_v);
  kill(index);
  run();
  for (const auto& a : {first, second, third}) {
    EXPECT_TRUE(a.arrived());
    EXPECT_FALSE(a.succeeded());
  }
  EXPECT_TRUE(checkpoint.arrived());
  EXPECT_TRUE(merge.arrived());
}

}  // namespace
}  // namespace fp
