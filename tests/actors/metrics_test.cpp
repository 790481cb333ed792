#include <algorithm>

#include "actors/history_actor.hpp"
#include "actors/measuring_actors.hpp"
#include "actors/metrics_actor.hpp"
#include "tests/actors/support/actor_fixture.hpp"
#include "tests/core/support/exposition.hpp"

namespace fp {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::exposition;
using test::fs_operation;

class metrics : public test::actor_fixture {
 protected:
  metrics() {
    settings.checkpoint_age_ms = 0;
    settings.merge.segments_per_level = 64;  // merged when asked
  }

  exposition read(const index_coordinator_handle& index) {
    return exposition(state_of(index).env->metrics->text());
  }
  /// The value of a metric of index "a", or of the node; 0 when it is not shown.
  double value(const index_coordinator_handle& index, const std::string& name, const std::string& labels = "") {
    const auto e = read(index);
    for (const auto& sample : {name + "{index=\"a\"" + (labels.empty() ? "" : ",") + labels + "}",
                               labels.empty() ? name : name + "{" + labels + "}"}) {
      if (e.has(sample)) return e.value(sample);
    }
    return 0;
  }
  std::string state_shown(const index_coordinator_handle& index) {
    const auto e = read(index);
    std::string shown;
    for (const auto name : index_metrics::state_names) {
      const std::string state(name);
      if (e.has("fpindex_index_state{index=\"a\",state=\"" + state + "\"}")) shown += state;
    }
    return shown;
  }
  void write_and_run(const index_coordinator_handle& index, document_id id) {
    const auto written = write(index, id);
    run();
    EXPECT_TRUE(written.succeeded()) << written.text();
  }
};

TEST_F(metrics, states_have_the_names_that_are_shown) {
  for (const auto state : {index_state::loading, index_state::ready, index_state::read_only, index_state::failed,
                           index_state::closing}) {
    EXPECT_EQ(std::ranges::count(index_metrics::state_names, std::string_view(to_string(state))), 1);
  }
}

TEST_F(metrics, loading_in_parallel) {
  const auto index = ready_index(prepare_index("a", 5));
  EXPECT_EQ(value(index, "fpindex_parallel_loading_total"), 1);
  EXPECT_EQ(value(index, "fpindex_sequential_loading_total"), 0);
  EXPECT_EQ(value(index, "fpindex_parallel_segment_count_sum"), 5);
  EXPECT_EQ(value(index, "fpindex_segment_load_duration_seconds_count"), 5);
  EXPECT_EQ(value(index, "fpindex_loaded_bytes_total"), static_cast<double>(status(index).loading.bytes_total));
  EXPECT_EQ(value(index, "fpindex_startup_duration_seconds_count"), 1);
  EXPECT_EQ(value(index, "fpindex_docs"), 5);
  EXPECT_EQ(value(index, "fpindex_version"), 5);
  EXPECT_EQ(value(index, "fpindex_segments", "kind=\"file\""), 5);
  EXPECT_EQ(state_shown(index), "ready");
  EXPECT_FALSE(read(index).mentions("fpindex_task_start_timestamp_seconds"));
}

TEST_F(metrics, loading_one_after_the_other) {
  const auto index = ready_index(prepare_index("a", 2));
  EXPECT_EQ(value(index, "fpindex_parallel_loading_total"), 0);
  EXPECT_EQ(value(index, "fpindex_sequential_loading_total"), 1);
  EXPECT_EQ(value(index, "fpindex_parallel_segment_count_count"), 0);
}

TEST_F(metrics, a_load_shows_its_start_while_it_runs) {
  const auto index = spawn_index(prepare_index("a", 5));
  while (state_of(index).env == nullptr && step()) {
  }
  EXPECT_EQ(state_shown(index), "loading");
  EXPECT_TRUE(read(index).has("fpindex_task_start_timestamp_seconds{index=\"a\",task=\"load\"}"));
  run();
  EXPECT_EQ(state_shown(index), "ready");
}

TEST_F(metrics, a_failed_load_and_a_reload) {
  const auto record = prepare_index("a", 5);
  const auto file = folders(record).data / segment_file_name(3, 3);
  const auto aside = folder.path() / "aside";
  std::filesystem::rename(file, aside);
  const auto index = spawn_index(record);
  run();
  EXPECT_EQ(state_shown(index), "failed");
  EXPECT_EQ(value(index, "fpindex_segment_load_failures_total"), 1);
  EXPECT_EQ(value(index, "fpindex_load_failures_total"), 1);
  EXPECT_EQ(value(index, "fpindex_startup_duration_seconds_count"), 0);
  EXPECT_EQ(value(index, "fpindex_docs"), 0);
  EXPECT_FALSE(read(index).mentions("fpindex_task_start_timestamp_seconds"));
  std::filesystem::rename(aside, file);
  get<index_status>(index, reload_atom_v);
  EXPECT_EQ(state_shown(index), "ready");
  EXPECT_EQ(value(index, "fpindex_docs"), 5);
  EXPECT_EQ(value(index, "fpindex_load_failures_total"), 1);
  EXPECT_EQ(value(index, "fpindex_parallel_loading_total"), 2);
}

TEST_F(metrics, an_index_that_starts_as_failed) {
  const auto index = spawn_index(prepare_index("a", 0), make_error(errc::corrupt_data, "damaged"));
  run();
  EXPECT_EQ(state_shown(index), "failed");
  EXPECT_EQ(value(index, "fpindex_segment_load_failures_total"), 0);
}

TEST_F(metrics, searches) {
  const auto index = ready_index(prepare_index("a", 3));
  EXPECT_EQ(found(index, 1000).size(), 3u);
  EXPECT_EQ(found(index, 1).size(), 1u);
  EXPECT_EQ(found(index, 777).size(), 0u);
  search_batch_request batch;
  batch.searches = {query({2}), query({778}), query({3})};
  get<search_batch_reply>(index, batch);
  local_search cancelled{std::make_shared<const search_request>(query({1})), std::make_shared<cancel_flag>(true)};
  EXPECT_EQ(
      [&] {
        const auto answer = ask<search_reply>(index, cancelled);
        run();
        return answer.code();
      }(),
      errc::cancelled);
  EXPECT_EQ(value(index, "fpindex_actor_requests_total", "request=\"search\""), 3);
  EXPECT_EQ(value(index, "fpindex_actor_requests_total", "request=\"search_batch\""), 1);
  EXPECT_EQ(value(index, "fpindex_searches_total"), 7);
  EXPECT_EQ(value(index, "fpindex_search_hits_total"), 4);
  EXPECT_EQ(value(index, "fpindex_search_misses_total"), 2);
  EXPECT_EQ(value(index, "fpindex_search_failures_total", "reason=\"cancelled\""), 1);
  EXPECT_EQ(value(index, "fpindex_search_duration_seconds_count"), 7);
  EXPECT_EQ(value(index, "fpindex_scanned_docs_per_hash_count"), 6);
  EXPECT_EQ(value(index, "fpindex_scanned_docs_per_hash_sum"), 3 + 1 + 0 + 1 + 0 + 1);
  EXPECT_EQ(value(index, "fpindex_queued_searches"), 0);
}

TEST_F(metrics, refused_searches_and_queues) {
  settings.threads = 1;
  settings.max_queued_searches = 1;
  const auto index = ready_index(prepare_index("a", 1));
  const auto first = ask<search_reply>(index, query({1}));
  const auto second = ask<search_reply>(index, query({1}));
  // The coordinator hands them out; the searcher has not run yet.
  scheduler().run_once();
  EXPECT_EQ(value(index, "fpindex_queued_searches"), 1);
  run();
  EXPECT_EQ(second.code(), errc::overloaded);
  EXPECT_EQ(value(index, "fpindex_queued_searches"), 0);
  EXPECT_EQ(value(index, "fpindex_searches_total"), 2);
  EXPECT_EQ(value(index, "fpindex_search_failures_total", "reason=\"overloaded\""), 1);
  EXPECT_EQ(value(index, "fpindex_search_duration_seconds_count"), 1);
}

TEST_F(metrics, waiting_requests) {
  const auto index = spawn_index(prepare_index("a", 3));
  while (state_of(index).env == nullptr && step()) {
  }
  auto patient = query({1});
  patient.ready_wait_ms = 1000;
  const auto answer = ask<search_reply>(index, patient);
  while (!answer.arrived() && state_of(index).waiting.empty() && step()) {
  }
  EXPECT_EQ(value(index, "fpindex_waiting_requests"), 1);
  run();
  EXPECT_TRUE(answer.succeeded());
  EXPECT_EQ(value(index, "fpindex_waiting_requests"), 0);
}

TEST_F(metrics, updates) {
  const auto index = ready_index(prepare_index("a", 0));
  for (document_id id = 1; id <= 3; id++) write_and_run(index, id);
  auto stale = insert(9, {9});
  stale.expected_version = 1;
  ask<update_reply>(index, stale);
  ask<update_reply>(index, insert(0, {9}));
  run();
  EXPECT_EQ(value(index, "fpindex_updates_total"), 3);
  EXPECT_EQ(value(index, "fpindex_update_duration_seconds_count"), 3);
  EXPECT_EQ(value(index, "fpindex_update_failures_total", "reason=\"version_mismatch\""), 1);
  EXPECT_EQ(value(index, "fpindex_update_failures_total", "reason=\"invalid_document_id\""), 1);
  EXPECT_EQ(value(index, "fpindex_queued_updates"), 0);
  EXPECT_EQ(value(index, "fpindex_oplog_bytes"), static_cast<double>(status(index).oplog_bytes));
  EXPECT_GT(value(index, "fpindex_oplog_bytes"), 0);
  EXPECT_EQ(value(index, "fpindex_docs"), 3);
}

TEST_F(metrics, updates_that_the_disk_refuses) {
  const auto index = ready_index(prepare_index("a", 0));
  fs.fail(1, {.permanent = true}, fs_operation::sync);
  const auto first = write(index, 1), second = write(index, 2);
  // Both are accepted before the log says anything.
  while (state_of(index).engine->num_queued() == 0 && step()) {
  }
  EXPECT_EQ(value(index, "fpindex_queued_updates"), 2);
  run();
  EXPECT_FALSE(first.succeeded());
  EXPECT_FALSE(second.succeeded());
  EXPECT_EQ(state_shown(index), "read_only");
  EXPECT_EQ(value(index, "fpindex_queued_updates"), 0);
  EXPECT_EQ(value(index, "fpindex_updates_total"), 0);
  double failures = 0;
  for (const auto& [sample, count] : read(index).samples) {
    if (sample.starts_with("fpindex_update_failures_total")) failures += count;
  }
  EXPECT_EQ(failures, 2);
}

TEST_F(metrics, checkpoints_and_merges) {
  settings.checkpoint_threshold = 10;
  const auto index = ready_index(prepare_index("a", 2));
  for (document_id id = 11; id <= 14; id++) write_and_run(index, id);
  EXPECT_TRUE(read(index).has("fpindex_oldest_memory_commit_timestamp_seconds{index=\"a\"}"));
  EXPECT_EQ(value(index, "fpindex_checkpoints_total"), 0);
  write_and_run(index, 15);
  EXPECT_EQ(value(index, "fpindex_checkpoints_total"), 1);
  EXPECT_EQ(value(index, "fpindex_checkpoint_duration_seconds_count"), 1);
  EXPECT_TRUE(read(index).has("fpindex_last_checkpoint_timestamp_seconds{index=\"a\"}"));
  EXPECT_FALSE(read(index).has("fpindex_oldest_memory_commit_timestamp_seconds{index=\"a\"}"));
  get<upkeep_reply>(index, merge_atom_v);
  EXPECT_EQ(value(index, "fpindex_file_segment_merges_total"), 1);
  EXPECT_EQ(value(index, "fpindex_merge_duration_seconds_count", "kind=\"file\""), 1);
  EXPECT_EQ(value(index, "fpindex_merge_duration_seconds_count", "kind=\"memory\""), 0);
  EXPECT_EQ(value(index, "fpindex_segments", "kind=\"file\""), 1);
  EXPECT_EQ(value(index, "fpindex_file_version"), 7);
}

TEST_F(metrics, memory_merges) {
  settings.max_memory_segments = 4;
  const auto index = ready_index(prepare_index("a", 0));
  for (document_id id = 1; id <= 12; id++) write_and_run(index, id);
  const auto merges = static_cast<double>(status(index).memory_merges);
  EXPECT_GT(merges, 0);
  EXPECT_EQ(value(index, "fpindex_memory_segment_merges_total"), merges);
  EXPECT_EQ(value(index, "fpindex_merge_duration_seconds_count", "kind=\"memory\""), merges);
}

TEST_F(metrics, a_checkpoint_that_fails) {
  settings.checkpoint_threshold = 4;
  const auto index = ready_index(prepare_index("a", 0));
  write_and_run(index, 1);
  // The log goes on in the file that it has.
  fs.fail(1, {.permanent = true}, fs_operation::create);
  write_and_run(index, 2);
  EXPECT_EQ(value(index, "fpindex_task_failures_total", "task=\"checkpoint\""), 1);
  EXPECT_EQ(value(index, "fpindex_checkpoints_total"), 0);
  EXPECT_FALSE(read(index).mentions("fpindex_task_start_timestamp_seconds"));
  fs.heal();
  advance(seconds(5));
  EXPECT_EQ(value(index, "fpindex_checkpoints_total"), 1);
}

TEST_F(metrics, a_closed_index_is_shown_no_more) {
  const auto index = ready_index(prepare_index("a", 1));
  const auto node = state_of(index).env->metrics;
  EXPECT_TRUE(exposition(node->text()).mentions("index=\"a\""));
  close(index);
  EXPECT_FALSE(exposition(node->text()).mentions("index=\"a\""));
}

TEST_F(metrics, a_coordinator_that_dies_takes_its_metrics_along) {
  const auto index = ready_index(prepare_index("a", 1));
  const auto node = state_of(index).env->metrics;
  kill(index);
  run();
  EXPECT_EQ(node->find_index("a"), nullptr);
}

TEST_F(metrics, a_scrape) {
  const auto node = std::make_shared<node_metrics>();
  node->add_index("a");
  const auto scraper = system().spawn(metrics_actor, node);
  const exposition e(get<std::string>(scraper, scrape_atom_v));
  EXPECT_TRUE(e.has("fpindex_searches_total{index=\"a\"}"));
  kill(scraper);
}

TEST_F(metrics, are_told_as_long_as_their_actors_are_there) {
  const auto node = std::make_shared<node_metrics>();
  node->add_index("a");
  metrics_handle text;
  history_handle past;
  {
    const measuring_actors measuring(system(), node);
    text = measuring.text();
    past = measuring.history();
    run();
    EXPECT_TRUE(exposition(get<std::string>(text, scrape_atom_v)).has("fpindex_searches_total{index=\"a\"}"));
    EXPECT_EQ(get<index_history>(past, history_atom_v, std::string("a")).step_seconds, 2);
  }
  const auto late = ask<std::string>(text, scrape_atom_v);
  const auto later = ask<index_history>(past, history_atom_v, std::string("a"));
  run();
  EXPECT_EQ(late.code(), errc::unreachable);
  EXPECT_EQ(later.code(), errc::unreachable);
}

class kept_history : public test::actor_fixture {
 protected:
  kept_history() : actor(system().spawn(history_actor, node)) { run(); }
  ~kept_history() override { kill(actor); }

  void steps(int count) {
    for (int i = 0; i < count; i++) advance(history_state::step);
  }
  index_history of(const std::string& index) { return get<index_history>(actor, history_atom_v, index); }

  std::shared_ptr<node_metrics> node = std::make_shared<node_metrics>();
  history_handle actor;
};

TEST_F(kept_history, a_step_every_two_seconds) {
  const auto m = node->add_index("a");
  EXPECT_EQ(of("a").searches.size(), 0u);
  EXPECT_EQ(of("a").step_seconds, 2);
  advance(seconds(2));  // it is seen for the first time
  for (int i = 0; i < 10; i++) m->searched(1, 1, 1, 4, milliseconds(1));
  advance(milliseconds(1'999));
  EXPECT_EQ(of("a").searches.size(), 0u);
  advance(milliseconds(1));
  m->updated(milliseconds(1));
  advance(seconds(2));
  const auto h = of("a");
  EXPECT_EQ(h.searches, (std::vector<double>{5, 0}));
  EXPECT_EQ(h.updates, (std::vector<double>{0, 0.5}));
  EXPECT_TRUE(h.search_p50_ms[0].has_value());
  EXPECT_FALSE(h.search_p50_ms[1].has_value());
}

TEST_F(kept_history, five_minutes) {
  const auto m = node->add_index("a");
  advance(seconds(2));
  for (int step = 0; step < 160; step++) {
    if (step < 10) m->updated(milliseconds(1));
    advance(seconds(2));
  }
  const auto h = of("a");
  EXPECT_EQ(h.updates, std::vector<double>(150, 0));
  EXPECT_EQ(h.search_p99_ms.size(), 150u);
}

TEST_F(kept_history, a_late_tick_counts_for_the_time_that_it_took) {
  const auto m = node->add_index("a");
  advance(seconds(2));
  for (int i = 0; i < 70; i++) m->updated(milliseconds(1));
  advance(seconds(7));
  EXPECT_EQ(of("a").updates, std::vector<double>{10});
  m->updated(milliseconds(1));
  // By the clock: the next one is due after one more second.
  advance(seconds(1));
  EXPECT_EQ(of("a").updates, (std::vector<double>{10, 1}));
}

TEST_F(kept_history, unknown_and_deleted_indexes) {
  const auto answer = ask<index_history>(actor, history_atom_v, std::string("a"));
  run();
  EXPECT_EQ(answer.code(), errc::index_not_found);
  const auto m = node->add_index("a");
  steps(2);
  EXPECT_EQ(of("a").updates.size(), 1u);
  node->remove_index(*m);
  const auto gone = ask<index_history>(actor, history_atom_v, std::string("a"));
  run();
  EXPECT_EQ(gone.code(), errc::index_not_found);
}

TEST_F(kept_history, an_index_made_anew_begins_anew) {
  const auto m = node->add_index("a");
  m->updated(milliseconds(1));
  steps(3);
  EXPECT_EQ(of("a").updates.size(), 2u);
  const auto again = node->add_index("a");
  EXPECT_EQ(of("a").updates.size(), 0u);
  advance(seconds(2));
  again->updated(milliseconds(1));
  advance(seconds(2));
  EXPECT_EQ(of("a").updates, std::vector<double>{0.5});
}

}  // namespace
}  // namespace fp
