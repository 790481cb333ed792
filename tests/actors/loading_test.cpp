#include <algorithm>
#include <numeric>
#include <random>

#include "tests/actors/support/actor_fixture.hpp"
#include "tests/actors/support/scripted_loaders.hpp"

namespace fp {
namespace {

using test::scripted_loaders;

class loading : public test::actor_fixture {
 protected:
  loading() { settings.merge.segments_per_level = 64; }  // what is loaded is not merged
  void use_script() { spawn_loader = script.spawner(); }
  ~loading() override { script.clear(); }

  std::vector<document_id> expected_documents(size_t count) {
    std::vector<document_id> ids(count);
    std::iota(ids.begin(), ids.end(), 1);
    return ids;
  }

  scripted_loaders script;
};

TEST_F(loading, empty_manifest_needs_no_loader) {
  use_script();
  const auto index = ready_index(prepare_index("empty", 0));
  const auto s = status(index);
  EXPECT_EQ(s.loading.strategy, load_strategy::none);
  EXPECT_EQ(s.loading.segments_total, 0u);
  EXPECT_EQ(s.version, 0u);
  EXPECT_EQ(script.num_spawned(), 0u);
  EXPECT_TRUE(found(index, 1000).empty());
}

TEST_F(loading, strategy_and_pool_follow_the_threshold) {
  settings.parallel_loading_threshold = 3;
  settings.max_concurrent_loads = 8;
  struct expectation {
    size_t segments, pool;
    load_strategy strategy;
  };
  for (const auto& e : {expectation{1, 1, load_strategy::sequential}, expectation{2, 1, load_strategy::sequential},
                        expectation{3, 3, load_strategy::parallel}, expectation{4, 4, load_strategy::parallel}}) {
    scripted_loaders loaders;
    spawn_loader = loaders.spawner();
    const auto index = spawn_index(prepare_index("i" + std::to_string(e.segments), e.segments));
    run();
    EXPECT_EQ(loaders.jobs().size(), e.pool);
    EXPECT_EQ(state_of(index).state, index_state::loading);
    while (!loaders.jobs().empty()) {
      loaders.finish(0);
      run();
    }
    EXPECT_EQ(loaders.num_spawned(), e.pool);
    EXPECT_EQ(loaders.num_alive(), 0u);
    const auto s = status(index);
    EXPECT_EQ(s.state, index_state::ready);
    EXPECT_EQ(s.loading.strategy, e.strategy);
    EXPECT_EQ(s.num_file_segments, e.segments);
    EXPECT_EQ(found(index, 1000), expected_documents(e.segments));
  }
}

TEST_F(loading, parallel_loading_can_be_turned_off) {
  settings.parallel_loading = false;
  use_script();
  const auto index = spawn_index(prepare_index("a", 6));
  run();
  for (int i = 0; i < 6; i++) {
    ASSERT_EQ(script.jobs().size(), 1u);
    script.finish(0);
    run();
  }
  EXPECT_EQ(script.num_spawned(), 1u);
  EXPECT_EQ(status(index).loading.strategy, load_strategy::sequential);
  EXPECT_EQ(state_of(index).state, index_state::ready);
}

TEST_F(loading, order_of_results_does_not_depend_on_order_of_arrival) {
  settings.max_concurrent_loads = 5;
  const auto record = prepare_index("a", 7);
  for (uint32_t seed = 1; seed <= 30; seed++) {
    std::mt19937 random(seed);
    scripted_loaders loaders;
    spawn_loader = loaders.spawner();
    const auto index = spawn_index(record);
    run();
    while (!loaders.jobs().empty()) {
      loaders.finish(random() % loaders.jobs().size());
      if (random() % 2 == 0) run();
      if (loaders.jobs().empty()) run();
    }
    run();
    const auto list = get<segment_list>(index, segments_request{});
    ASSERT_EQ(list.segments.size(), 7u) << "seed " << seed;
    for (size_t i = 0; i < 7; i++) EXPECT_EQ(list.segments[i].first_commit, i + 1) << "seed " << seed;
    EXPECT_LE(loaders.max_alive(), 5u);
    close(index);
  }
}

TEST_F(loading, largest_segments_are_loaded_first) {
  auto record = prepare_index("a", 2);
  {
    // A third segment, larger than the others.
    const auto index = ready_index(record);
    for (document_id id = 10; id < 400; id++) write(index, id);
    run();
    EXPECT_EQ(get<upkeep_reply>(index, checkpoint_atom_v).num_file_segments, 3u);
    close(index);
  }
  settings.max_concurrent_loads = 1;
  use_script();
  spawn_index(record);
  run();
  ASSERT_EQ(script.jobs().size(), 1u);
  EXPECT_EQ(script.jobs()[0].task.position, 2u);
}

TEST_F(loading, pool_is_bounded_over_all_indexes_of_a_node) {
  settings.max_concurrent_loads = 3;
  use_script();
  for (int i = 0; i < 6; i++) prepare_index("i" + std::to_string(i), 4);
  const auto node = spawn_node();
  run();
  std::mt19937 random(7);
  size_t finished = 0;
  while (!script.jobs().empty()) {
    EXPECT_LE(script.num_alive(), 3u);
    EXPECT_EQ(script.num_alive(), std::min<size_t>(3, 24 - finished)) << "a loader's permit was not used";
    const auto s = get<node_status>(node, status_atom_v);
    EXPECT_EQ(s.loaders_running, script.num_alive());
    EXPECT_EQ(s.loaders_allowed, 3u);
    script.finish(random() % script.jobs().size());
    finished++;
    run();
  }
  EXPECT_EQ(finished, 24u);
  EXPECT_EQ(script.max_alive(), 3u);
  const auto s = get<node_status>(node, status_atom_v);
  EXPECT_EQ(s.loaders_running, 0u);
  for (const auto& entry : s.indexes.indexes) EXPECT_EQ(entry.state, index_state::ready) << entry.name;
  EXPECT_EQ(s.indexes.indexes.size(), 6u);
}

TEST_F(loading, real_loaders_give_back_their_permits) {
  settings.max_concurrent_loads = 2;
  const auto index = ready_index(prepare_index("a", 9));
  EXPECT_EQ(found(index, 1000), expected_documents(9));
  EXPECT_EQ(loaders_running(), 0u);
}

TEST_F(loading, progress_never_goes_back_and_ends_with_ready) {
  use_script();
  const auto watcher = make_observer();
  const auto index = spawn_index(prepare_index("a", 5));
  const auto first = ask<load_progress>(index, subscribe_atom_v, watcher.handle);
  run();
  EXPECT_EQ(first.value().state, index_state::loading);
  while (!script.jobs().empty()) {
    script.finish(script.jobs().size() / 2);
    advance(std::chrono::milliseconds(10));
  }
  const auto& seen = *watcher.seen;
  ASSERT_GE(seen.size(), 6u);
  for (size_t i = 1; i < seen.size(); i++) {
    EXPECT_GE(seen[i].segments_done, seen[i - 1].segments_done);
    EXPECT_GE(seen[i].bytes_done, seen[i - 1].bytes_done);
    EXPECT_GE(seen[i].elapsed_us, seen[i - 1].elapsed_us);
    EXPECT_EQ(seen[i - 1].state, index_state::loading);
  }
  const auto& last = seen.back();
  EXPECT_EQ(last.state, index_state::ready);
  EXPECT_EQ(last.segments_done, 5u);
  EXPECT_EQ(last.segments_total, 5u);
  EXPECT_EQ(last.bytes_done, last.bytes_total);
  EXPECT_EQ(last.elapsed_us, 50'000u);
  EXPECT_EQ(last.segments_us, 50'000u);
}

TEST_F(loading, observers_that_go_down_are_forgotten) {
  const auto watcher = make_observer();
  const auto index = ready_index(prepare_index("a", 1));
  EXPECT_EQ(get<load_progress>(index, subscribe_atom_v, watcher.handle).state, index_state::ready);
  EXPECT_EQ(get<load_progress>(index, subscribe_atom_v, watcher.handle).state, index_state::ready);
  EXPECT_EQ(state_of(index).observers.size(), 1u);
  kill(watcher.handle);
  run();
  EXPECT_TRUE(state_of(index).observers.empty());
}

TEST_F(loading, observers_are_bounded) {
  const auto index = ready_index(prepare_index("a", 0));
  for (int i = 0; i < 64; i++) get<load_progress>(index, subscribe_atom_v, make_observer().handle);
  const auto one_more = ask<load_progress>(index, subscribe_atom_v, make_observer().handle);
  run();
  EXPECT_EQ(one_more.code(), errc::overloaded);
}

TEST_F(loading, replays_what_no_segment_holds) {
  const auto record = prepare_index("a", 2);
  {
    const auto index = ready_index(record);
    for (document_id id = 3; id <= 5; id++) write(index, id);
    run();
    kill(index);
    run();
  }
  const auto index = ready_index(record);
  const auto s = status(index);
  EXPECT_EQ(s.version, 5u);
  EXPECT_EQ(s.file_version, 2u);
  EXPECT_EQ(s.loading.replayed_commits, 3u);
  EXPECT_EQ(found(index, 1000), expected_documents(5));
}

TEST_F(loading, sweeps_what_the_manifest_does_not_name) {
  const auto record = prepare_index("a", 1);
  const auto data = folders(record).data;
  for (const auto* name : {"0000000000000009-0000000000000009.seg", "x.seg.tmp"}) {
    posix_file_system().create(data / name);
  }
  ready_index(record);
  EXPECT_EQ(posix_file_system().list(data),
            (std::vector<std::string>{"0000000000000001-0000000000000001.seg", "manifest.json"}));
}

}  // namespace
}  // namespace fp
