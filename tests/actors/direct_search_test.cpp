#include "actors/direct_search.hpp"

#include <thread>

#include "tests/actors/support/actor_fixture.hpp"
#include "tests/core/support/error_of.hpp"

namespace fp {
namespace {

using namespace std::chrono_literals;

class direct_search_test : public test::actor_fixture {
 protected:
  void begin() { index = ready_index(prepare_index("a", 3)); }
  std::optional<search_reply> tried(const search_request& wish, const cancel_flag* cancel = nullptr) {
    return state_of(index).env->direct->try_search("a", wish, cancel);
  }
  std::optional<search_reply> tried() { return tried(query({1000})); }
  /// One of the index's content, with the test's own warmth, disk and metrics.
  std::unique_ptr<direct_search> alone(std::chrono::microseconds at_most, bool maps_files) {
    own_search_budget = at_most;
    auto search = std::make_unique<direct_search>(*make_env(), metrics, warm);
    search->serve(state_of(index).current(), maps_files);
    return search;
  }
  /// A number of reads that takes as long as others have the processor.
  static uint64_t longer_than_a_millisecond() {
    for (const auto begun = steady_clock::now(); steady_clock::now() < begun + 2ms;) {
    }
    return 0;
  }
  void make_warm() {
    for (uint32_t i = 0; i < warmth::least_needed; i++) warm->searched(0);
  }

  index_coordinator_handle index;
  index_metrics_ptr metrics = std::make_shared<index_metrics>("a");
  std::shared_ptr<warmth> warm = std::make_shared<warmth>();
};

class direct_search_in_memory : public direct_search_test {
 protected:
  direct_search_in_memory() {
    settings.segment_load_mode = load_mode::read;
    begin();
  }
};

TEST_F(direct_search_in_memory, finds_what_the_index_finds_and_is_counted) {
  const auto theirs = get<search_reply>(index, query({1000, 2}));
  const auto ours = tried(query({1000, 2}));
  ASSERT_TRUE(ours);
  EXPECT_EQ(ours->results.to_vector(), theirs.results.to_vector());
  EXPECT_EQ(ours->version, theirs.version);
  EXPECT_EQ(status(index).searches, 2u);
  EXPECT_EQ(state_of(index).metrics->activity_so_far().searches, 2u);
  EXPECT_EQ(tried(query({}))->results.size(), 0u);
}

TEST_F(direct_search_in_memory, sees_a_write_as_soon_as_its_client_knows_of_it) {
  for (document_id id = 10; id < 20; id++) {
    const auto done = write(index, id);
    while (!done.arrived()) ASSERT_TRUE(step());
    ASSERT_EQ(tried(query({id}))->results.size(), 1u);
    ASSERT_EQ(tried()->version, done.value().version);
  }
}

TEST_F(direct_search_in_memory, leaves_to_the_index_what_takes_long_or_has_to_wait) {
  auto wish = query({1000});
  wish.probes = 1;
  EXPECT_FALSE(tried(wish));
  wish.probes = 0;
  wish.min_version = 4;
  EXPECT_FALSE(tried(wish));
  wish.min_version = 3;
  EXPECT_TRUE(tried(wish));
  const cancel_flag gone(true);
  EXPECT_FALSE(tried(wish, &gone));
  wish.query = hash_list(std::vector<hash_value>(max_query_hashes + 1));
  EXPECT_FALSE(tried(wish));
  EXPECT_EQ(status(index).searches, 1u);
}

TEST_F(direct_search_in_memory, searches_nothing_that_is_not_served) {
  EXPECT_FALSE(state_of(index).env->direct->try_search("b", query({1000}), nullptr));
  kill_child(index, "oplog_actor");
  run();
  ASSERT_EQ(status(index).state, index_state::read_only);
  EXPECT_TRUE(tried());
  const auto reloaded = ask<index_status>(index, reload_atom_v);
  while (state_of(index).state != index_state::loading) ASSERT_TRUE(step());
  EXPECT_FALSE(tried());
  run();
  EXPECT_TRUE(tried());
  const auto direct = state_of(index).env->direct;
  const auto closed = ask<done_atom>(index, close_atom_v);
  while (!closed.arrived()) ASSERT_TRUE(step());
  EXPECT_FALSE(direct->try_search("a", query({1000}), nullptr));
}

TEST_F(direct_search_in_memory, an_index_that_has_died_is_not_searched) {
  const auto direct = state_of(index).env->direct;
  kill(index);
  run();
  EXPECT_FALSE(direct->try_search("a", query({1000}), nullptr));
}

TEST_F(direct_search_in_memory, one_of_the_same_name_takes_its_place_for_good) {
  const auto old_one = state_of(index).direct;
  const auto& all = state_of(index).env->direct;
  const std::shared_ptr<direct_search> next = alone(1h, false);
  all->add("a", next);
  all->remove("a", old_one);
  EXPECT_TRUE(tried());
  EXPECT_EQ(next->num_searches(), 1u);
  all->remove("a", next);
  EXPECT_FALSE(tried());
}

TEST_F(direct_search_in_memory, many_threads_search_while_writes_go_on) {
  const auto search = alone(1h, false);
  const auto content = state_of(index).current();
  std::atomic<uint64_t> wrong = 0;
  std::vector<std::jthread> threads;
  for (int t = 0; t < 3; t++) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; i++) {
        const auto found = search->try_search(query({1000}), nullptr);
        wrong += found && found->results.size() != 3;
      }
    });
  }
  for (int i = 0; i < 500; i++) i % 2 == 0 ? search->withdraw() : search->serve(content, false);
  threads.clear();
  EXPECT_EQ(wrong, 0u);
}

TEST_F(direct_search_test, what_may_be_cold_is_left_to_the_index) {
  begin();
  uint64_t reads = 0;
  disk_reads = [&] { return reads; };
  const auto search = alone(1h, true);
  EXPECT_FALSE(search->try_search(query({1000}), nullptr));
  make_warm();
  EXPECT_TRUE(search->try_search(query({1000}), nullptr));
  // One that meets the disk is answered, and the next ones are not, until others have seen that all is in memory.
  disk_reads = [&] { return reads++; };
  const auto surprised = alone(1h, true);
  EXPECT_TRUE(surprised->try_search(query({1000}), nullptr));
  EXPECT_FALSE(surprised->try_search(query({1000}), nullptr));
  make_warm();
  EXPECT_FALSE(surprised->try_search(query({1000}), nullptr));
  make_warm();
  EXPECT_TRUE(surprised->try_search(query({1000}), nullptr));
}

/// As long as a thread waits for its turn on a busy machine.
TEST_F(direct_search_test, one_that_waits_for_the_processor_keeps_its_time_limit_and_is_logged) {
  settings.slow_search_ms = 1;
  begin();
  make_warm();
  disk_reads = longer_than_a_millisecond;
  const auto search = alone(1h, true);
  auto wish = query({1000});
  wish.timeout_ms = 1;
  EXPECT_EQ(test::error_of([&] { search->try_search(wish, nullptr); }).code(), errc::search_timeout);
  EXPECT_EQ(search->num_searches(), 1u);
  EXPECT_NE(log_text().find("a: slow search: "), std::string::npos) << log_text();
  EXPECT_NE(log_text().find("time limit 1 ms"), std::string::npos) << log_text();
  wish.timeout_ms = 0;
  const auto another = alone(1h, true);
  EXPECT_EQ(another->try_search(wish, nullptr)->results.size(), 3u);
  EXPECT_NE(log_text().find("3 postings, 3 results"), std::string::npos) << log_text();
}

TEST_F(direct_search_test, the_index_tells_of_a_time_limit_that_a_search_of_its_own_passes) {
  disk_reads = longer_than_a_millisecond;
  begin();
  for (uint32_t i = 0; i < warmth::least_needed; i++) state_of(index).warm->searched(0);
  auto wish = query({1000});
  wish.timeout_ms = 1;
  const auto late = ask<search_reply>(index, wish);
  run();
  EXPECT_EQ(late.code(), errc::search_timeout);
  EXPECT_EQ(status(index).searches, 1u);
  EXPECT_EQ(state_of(index).direct->num_searches(), 1u);
  EXPECT_EQ(state_of(index).metrics->activity_so_far().searches, 1u);
}

TEST_F(direct_search_test, long_searches_are_tried_ever_more_seldom) {
  begin();
  make_warm();
  uint64_t looks = 0;
  disk_reads = [&] { return looks++ * 0; };
  const auto search = alone(-1us, true);
  for (const uint64_t left : {64, 128, 256, 512, 1024, 2048, 4096, 4096}) {
    const auto before = looks;
    EXPECT_FALSE(search->try_search(query({1000}), nullptr));
    const auto after_one = looks;
    EXPECT_GT(after_one, before);
    for (uint64_t i = 0; i < left; i++) EXPECT_FALSE(search->try_search(query({1000}), nullptr));
    EXPECT_EQ(looks, after_one);
  }
  EXPECT_EQ(metrics->activity_so_far().searches, 0u);
}

}  // namespace
}  // namespace fp
