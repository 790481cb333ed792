#include "core/metrics/node_metrics.hpp"

#include <gtest/gtest.h>

#include <set>

#include "tests/core/support/commits.hpp"
#include "tests/core/support/exposition.hpp"

namespace fp {
namespace {

using namespace std::chrono_literals;
using test::exposition;

TEST(index_metrics, searches_are_hits_misses_and_failures) {
  node_metrics node;
  const auto m = node.add_index("a");
  m->searched(3, 100, 250, 4, 3ms);
  m->searched(0, 100, 0, 7, 30us);
  m->searched(0, 0, 0, 4, 1us);
  m->search_failed(errc::search_timeout, 700ms);
  m->search_refused(errc::overloaded, 2);
  const exposition e(node.text());
  EXPECT_EQ(e.value("fpindex_searches_total{index=\"a\"}"), 6);
  EXPECT_EQ(e.value("fpindex_search_hits_total{index=\"a\"}"), 1);
  EXPECT_EQ(e.value("fpindex_search_misses_total{index=\"a\"}"), 2);
  EXPECT_EQ(e.value("fpindex_search_failures_total{index=\"a\",reason=\"search_timeout\"}"), 1);
  EXPECT_EQ(e.value("fpindex_search_failures_total{index=\"a\",reason=\"overloaded\"}"), 2);
  EXPECT_FALSE(e.has("fpindex_search_failures_total{index=\"a\",reason=\"cancelled\"}"));
  // What never ran took no time; an empty query has no hashes to scan for.
  EXPECT_EQ(e.value("fpindex_search_duration_seconds_count{index=\"a\"}"), 4);
  EXPECT_DOUBLE_EQ(e.value("fpindex_search_duration_seconds_sum{index=\"a\"}"), 0.703031);
  EXPECT_EQ(e.value("fpindex_search_duration_seconds_bucket{index=\"a\",le=\"0.02\"}"), 3);
  EXPECT_EQ(e.value("fpindex_search_duration_seconds_bucket{index=\"a\",le=\"0.2\"}"), 3);
  EXPECT_EQ(e.value("fpindex_search_duration_seconds_bucket{index=\"a\",le=\"1\"}"), 4);
  EXPECT_EQ(e.value("fpindex_search_duration_seconds_bucket{index=\"a\",le=\"+Inf\"}"), 4);
  EXPECT_EQ(e.value("fpindex_node_search_duration_seconds_bucket{le=\"0.005\"}"), 3);
  EXPECT_EQ(e.value("fpindex_node_search_duration_seconds_bucket{le=\"1e-05\"}"), 1);
  EXPECT_EQ(e.value("fpindex_node_search_duration_seconds_count"), 4);
  EXPECT_EQ(e.value("fpindex_scanned_docs_per_hash_count"), 2);
  EXPECT_DOUBLE_EQ(e.value("fpindex_scanned_docs_per_hash_sum"), 2.5);
  EXPECT_EQ(e.value("fpindex_scanned_blocks_per_hash_count"), 2);
  EXPECT_EQ(e.value("fpindex_scanned_blocks_per_hash_sum"), 11);
  // What fpindex's dashboards ask for.
  for (const char* bound : {"1", "2", "3", "5", "10", "50", "100", "500", "1000"}) {
    EXPECT_TRUE(e.has(std::string("fpindex_scanned_docs_per_hash_bucket{le=\"") + bound + "\"}")) << bound;
  }
  for (const char* bound : {"1", "2", "3", "5", "10"}) {
    EXPECT_TRUE(e.has(std::string("fpindex_scanned_blocks_per_hash_bucket{le=\"") + bound + "\"}")) << bound;
  }
  EXPECT_EQ(e.types.at("fpindex_search_duration_seconds"), "histogram");
  EXPECT_EQ(e.types.at("fpindex_searches_total"), "counter");
  EXPECT_EQ(e.types.at("fpindex_docs"), "gauge");
}

TEST(index_metrics, updates_and_their_failures) {
  node_metrics node;
  const auto m = node.add_index("a");
  m->updated(5ms);
  m->updates_failed(errc::version_mismatch);
  m->updates_failed(errc::bad_request, 4);
  m->set_queued_updates(7);
  const exposition e(node.text());
  EXPECT_EQ(e.value("fpindex_updates_total{index=\"a\"}"), 1);
  EXPECT_EQ(e.value("fpindex_update_failures_total{index=\"a\",reason=\"version_mismatch\"}"), 1);
  EXPECT_EQ(e.value("fpindex_update_failures_total{index=\"a\",reason=\"bad_request\"}"), 4);
  EXPECT_FALSE(e.has("fpindex_update_failures_total{index=\"a\",reason=\"no_space\"}"));
  EXPECT_EQ(e.value("fpindex_update_duration_seconds_count"), 1);
  EXPECT_EQ(e.value("fpindex_queued_updates{index=\"a\"}"), 7);
}

TEST(index_metrics, queues_are_looked_at_when_read) {
  node_metrics node;
  const auto m = node.add_index("a");
  const auto first = std::make_shared<std::atomic<uint32_t>>(0),
             second = std::make_shared<std::atomic<uint32_t>>(0);
  m->watch_search_queues({first, second});
  *first = 3;
  *second = 4;
  EXPECT_EQ(exposition(node.text()).value("fpindex_queued_searches{index=\"a\"}"), 7);
}

TEST(index_metrics, the_snapshot_is_counted_when_read) {
  node_metrics node;
  const auto m = node.add_index("a");
  EXPECT_EQ(exposition(node.text()).value("fpindex_docs{index=\"a\"}"), 0);
  auto index = std::make_shared<const snapshot>();
  index = index->with_added(test::make_segment(test::make_commit(1, {{1, {5, 6}}, {2, {5}}})));
  m->set_snapshot(index);
  index = index->with_added(test::make_segment(test::make_commit(2, {{3, {7}}}, {1})));
  m->set_snapshot(index);
  const exposition e(node.text());
  EXPECT_EQ(e.value("fpindex_docs{index=\"a\"}"), 2);
  EXPECT_EQ(e.value("fpindex_version{index=\"a\"}"), 2);
  EXPECT_FALSE(e.has("fpindex_file_version{index=\"a\"}"));
  EXPECT_EQ(e.value("fpindex_segments{index=\"a\",kind=\"memory\"}"), 2);
  EXPECT_FALSE(e.has("fpindex_segments{index=\"a\",kind=\"file\"}"));
  EXPECT_EQ(e.value("fpindex_segment_postings{index=\"a\",kind=\"memory\"}"), 4);
  EXPECT_EQ(e.value("fpindex_segment_bytes{index=\"a\",kind=\"memory\"}"),
            static_cast<double>(index->stats().num_bytes));
  EXPECT_GT(e.value("fpindex_oldest_memory_commit_timestamp_seconds{index=\"a\"}"), 0);
  m->set_snapshot(std::make_shared<const snapshot>());
  EXPECT_FALSE(exposition(node.text()).has("fpindex_oldest_memory_commit_timestamp_seconds{index=\"a\"}"));
}

TEST(index_metrics, lets_go_of_a_replaced_snapshot) {
  index_metrics m("a");
  auto index = std::make_shared<const snapshot>();
  const std::weak_ptr<const snapshot> watched = index;
  m.set_snapshot(std::move(index));
  EXPECT_FALSE(watched.expired());
  m.set_snapshot(std::make_shared<const snapshot>());
  EXPECT_TRUE(watched.expired());
}

TEST(index_metrics, a_task_shows_its_start_while_it_runs) {
  node_metrics node;
  const auto m = node.add_index("a");
  const auto running = [&](const std::string& task) {
    return exposition(node.text()).has("fpindex_task_start_timestamp_seconds{index=\"a\",task=\"" + task + "\"}");
  };
  EXPECT_FALSE(running("file_merge"));
  m->task_started(index_task::file_merge);
  EXPECT_TRUE(running("file_merge"));
  EXPECT_FALSE(running("checkpoint"));
  m->task_done(index_task::file_merge, 2s);
  EXPECT_FALSE(running("file_merge"));
  m->task_started(index_task::checkpoint);
  m->task_failed(index_task::checkpoint);
  EXPECT_FALSE(running("checkpoint"));
  m->task_started(index_task::memory_merge);
  m->task_dropped(index_task::memory_merge);
  EXPECT_FALSE(running("memory_merge"));
  const exposition e(node.text());
  EXPECT_EQ(e.value("fpindex_file_segment_merges_total{index=\"a\"}"), 1);
  EXPECT_FALSE(e.has("fpindex_memory_segment_merges_total{index=\"a\"}"));
  EXPECT_EQ(e.value("fpindex_file_merges_total"), 1);
  EXPECT_EQ(e.value("fpindex_memory_merges_total"), 0);
  EXPECT_FALSE(e.has("fpindex_checkpoints_total{index=\"a\"}"));
  EXPECT_EQ(e.value("fpindex_task_failures_total{index=\"a\",task=\"checkpoint\"}"), 1);
  EXPECT_FALSE(e.has("fpindex_task_failures_total{index=\"a\",task=\"memory_merge\"}"));
  EXPECT_EQ(e.value("fpindex_merge_duration_seconds_sum{kind=\"file\"}"), 2);
  EXPECT_FALSE(e.has("fpindex_last_checkpoint_timestamp_seconds{index=\"a\"}"));
  m->task_done(index_task::checkpoint, 1s);
  EXPECT_TRUE(exposition(node.text()).has("fpindex_last_checkpoint_timestamp_seconds{index=\"a\"}"));
}

TEST(index_metrics, it_works_while_a_task_runs) {
  index_metrics m("a");
  EXPECT_FALSE(m.is_working());
  m.task_started(index_task::load);
  m.task_started(index_task::file_merge);
  EXPECT_TRUE(m.is_working());
  m.started_up(1s);
  EXPECT_TRUE(m.is_working());
  m.task_failed(index_task::file_merge);
  EXPECT_FALSE(m.is_working());
}

TEST(index_metrics, scrubs) {
  node_metrics node;
  const auto m = node.add_index("a");
  EXPECT_FALSE(exposition(node.text()).has("fpindex_scrubbed_bytes_total{index=\"a\"}"));
  EXPECT_FALSE(exposition(node.text()).has("fpindex_last_scrub_timestamp_seconds{index=\"a\"}"));
  m->scrubbed(1000);
  m->scrubbed(500);
  m->scrub_done();
  m->set_damaged_segments(2);
  const exposition e(node.text());
  EXPECT_EQ(e.value("fpindex_scrubbed_bytes_total{index=\"a\"}"), 1500);
  EXPECT_EQ(e.value("fpindex_scrubs_total{index=\"a\"}"), 1);
  EXPECT_EQ(e.value("fpindex_damaged_segments{index=\"a\"}"), 2);
  EXPECT_TRUE(e.has("fpindex_last_scrub_timestamp_seconds{index=\"a\"}"));
}

TEST(index_metrics, loading) {
  node_metrics node;
  const auto m = node.add_index("a");
  m->load_planned(true, 5);
  m->load_planned(false, 2);
  m->segment_loaded(1000, 3ms);
  m->segment_loaded(500, 3ms);
  m->segment_load_failed();
  m->task_failed(index_task::load);
  m->started_up(40ms);
  const exposition e(node.text());
  EXPECT_EQ(e.value("fpindex_parallel_loading_total{index=\"a\"}"), 1);
  EXPECT_EQ(e.value("fpindex_sequential_loading_total{index=\"a\"}"), 1);
  EXPECT_EQ(e.value("fpindex_parallel_segment_count_count"), 1);
  EXPECT_EQ(e.value("fpindex_parallel_segment_count_sum"), 5);
  EXPECT_EQ(e.value("fpindex_loaded_bytes_total{index=\"a\"}"), 1500);
  EXPECT_EQ(e.value("fpindex_segment_load_duration_seconds_count"), 2);
  EXPECT_EQ(e.value("fpindex_segment_load_failures_total{index=\"a\"}"), 1);
  EXPECT_EQ(e.value("fpindex_load_failures_total{index=\"a\"}"), 1);
  EXPECT_EQ(e.value("fpindex_startup_duration_seconds_count"), 1);
}

TEST(node_metrics, an_index_is_in_one_state) {
  node_metrics node;
  const auto m = node.add_index("a");
  for (const auto state : index_metrics::state_names) {
    m->set_state(state.data());
    const exposition e(node.text());
    for (const auto other : index_metrics::state_names) {
      const auto sample = "fpindex_index_state{index=\"a\",state=\"" + std::string(other) + "\"}";
      EXPECT_EQ(e.has(sample) ? e.value(sample) : 0, other == state ? 1 : 0);
    }
  }
}

TEST(node_metrics, shows_indexes_from_adding_to_removing) {
  node_metrics node;
  const auto a = node.add_index("a"), b = node.add_index("b");
  EXPECT_EQ(node.find_index("a"), a);
  EXPECT_EQ(node.indexes(), (std::vector{a, b}));
  node.remove_index(*a);
  EXPECT_EQ(node.find_index("a"), nullptr);
  const exposition e(node.text());
  EXPECT_FALSE(e.mentions("index=\"a\""));
  EXPECT_TRUE(e.mentions("index=\"b\""));
}

TEST(node_metrics, the_newer_of_two_indexes_of_a_name_stays) {
  node_metrics node;
  const auto old = node.add_index("a");
  old->updated(1ms);
  const auto fresh = node.add_index("a");
  node.remove_index(*old);
  EXPECT_EQ(node.find_index("a"), fresh);
  EXPECT_EQ(exposition(node.text()).value("fpindex_updates_total{index=\"a\"}"), 0);
}

TEST(node_metrics, an_index_at_rest_shows_the_contract_s_values_and_no_more) {
  node_metrics node;
  const auto m = node.add_index("a");
  m->set_state("ready");
  const exposition e(node.text());
  std::set<std::string> shown;
  for (const auto& [sample, value] : e.samples) {
    if (sample.find("index=\"a\"") != std::string::npos) shown.insert(sample.substr(0, sample.find('{')));
  }
  EXPECT_EQ(shown, (std::set<std::string>{"fpindex_searches_total", "fpindex_search_hits_total",
                                          "fpindex_search_misses_total", "fpindex_updates_total", "fpindex_docs",
                                          "fpindex_version", "fpindex_index_state"}));
}

TEST(node_metrics, what_removed_indexes_did_counts_on) {
  node_metrics node;
  const auto a = node.add_index("a"), b = node.add_index("b");
  a->searched(1, 1, 1, 4, 1ms);
  b->searched(1, 1, 1, 4, 1ms);
  node.remove_index(*a);
  node.add_index("b")->searched(1, 1, 1, 4, 1ms);
  EXPECT_EQ(exposition(node.text()).value("fpindex_node_search_duration_seconds_count"), 3);
}

/// Used as an index of a small customer is: loaded, written to, checkpointed, searched.
void use(index_metrics& m, const snapshot_ptr& served) {
  m.set_state("ready");
  m.started_up(5ms);
  m.task_done(index_task::checkpoint, 2ms);
  m.set_snapshot(served);
  m.set_oplog_bytes(1234);
  for (int i = 0; i < 10; i++) m.updated(1ms);
  for (int i = 0; i < 100; i++) m.searched(i % 2, 100, 60, 4, std::chrono::microseconds(i * i));
}

TEST(node_metrics, two_thousand_indexes_take_little) {
  constexpr size_t num_indexes = 2'000;
  // What an index took when each had all its histograms: 24 MB of 2,000.
  constexpr size_t bytes_with_histograms = 12'000;
  node_metrics node;
  const auto served =
      std::make_shared<const snapshot>()->with_added(test::make_segment(test::make_commit(1, {{1, {5}}})));
  for (size_t i = 0; i < num_indexes; i++) use(*node.add_index("index" + std::to_string(i)), served);
  const auto text = node.text();
  EXPECT_LT(text.size(), num_indexes * bytes_with_histograms / 10);
  EXPECT_EQ(exposition(text).value("fpindex_searches_total{index=\"index1999\"}"), 100);
}

TEST(node_metrics, process) {
  const exposition e(node_metrics().text());
  EXPECT_GT(e.value("process_resident_memory_bytes"), 100'000);
  EXPECT_GE(e.value("process_virtual_memory_bytes"), e.value("process_resident_memory_bytes"));
  EXPECT_GE(e.value("process_open_fds"), 3);
  EXPECT_GE(e.value("process_max_fds"), e.value("process_open_fds"));
  EXPECT_GE(e.value("process_cpu_seconds_total"), 0);
  EXPECT_GT(e.value("process_start_time_seconds"), 1.6e9);
  EXPECT_LE(e.value("process_start_time_seconds"), unix_time() + 1);
  EXPECT_EQ(e.types.at("process_cpu_seconds_total"), "counter");
}

TEST(node_metrics, gauges_are_asked_when_read_and_labels_are_escaped) {
  node_metrics node;
  double now = 4;
  node.add_gauge("some_gauge", "Some.", {{"text", "a\"b\\c\nd"}}, [&] { return now; });
  now = 5;
  EXPECT_EQ(exposition(node.text()).value("some_gauge{text=\"a\\\"b\\\\c\\nd\"}"), 5);
}

}  // namespace
}  // namespace fp
