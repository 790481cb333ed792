#include <thread>

#include "actors/blocking_pools.hpp"
#include "tests/actors/support/actor_fixture.hpp"
#include "tests/core/support/naive_index.hpp"

namespace fp {
namespace {

using test::naive_index;
using test::random_data;
using write_answer = test::answer<update_reply>;

/// Random work through a coordinator, compared with the naive model.
class random_script : public test::actor_fixture {
 protected:
  void play(uint64_t seed) {
    random_data data(seed);
    settings.checkpoint_threshold = data.pick({20, 100, 1000});
    settings.max_memory_segments = data.pick({2, 4, 16});
    settings.checkpoint_age_ms = data.pick({0, 50, 5000});
    settings.idle_merge_after_ms = data.pick({0, 20, 1000});
    settings.checkpoint_commits = data.pick({0, 7});
    settings.oplog_file_bytes = data.pick({1, 500, 100'000});
    settings.max_concurrent_loads = data.pick({1, 2, 4});
    settings.merge = {.min_segment_size = 10,
                      .max_segment_size = data.pick({200, 100'000}),
                      .segments_per_level = 2,
                      .segments_per_merge = 3,
                      .max_segments = 6};
    const auto record = prepare_index("s" + std::to_string(seed), 0);
    auto index = ready_index(record);
    naive_index model;
    std::vector<std::pair<changes_ptr, write_answer>> in_flight;
    std::vector<test::answer<upkeep_reply>> upkeep;
    const auto settle = [&] {
      run();
      for (const auto& [changes, written] : in_flight) {
        // Held back for ever, refused or lost: none of it may happen with a healthy disk.
        ASSERT_TRUE(written.succeeded()) << written.text();
        ASSERT_EQ(written.value().version, model.version() + 1);
        model.apply({model.version(), written.value().version, changes});
      }
      in_flight.clear();
      for (const auto& a : upkeep) ASSERT_TRUE(a.succeeded()) << a.text();
      upkeep.clear();
    };
    for (int i = 0; i < 120; i++) {
      switch (data.below(12)) {
        case 0:
          upkeep.push_back(ask<upkeep_reply>(index, checkpoint_atom_v));
          break;
        case 1:
          upkeep.push_back(ask<upkeep_reply>(index, merge_atom_v));
          break;
        case 2:
          settle();
          close(index);
          index = ready_index(record);
          break;
        case 3:
          // A crash: what was acknowledged stays.
          settle();
          kill(index);
          run();
          index = ready_index(record);
          break;
        case 4:
          settle();
          advance(std::chrono::milliseconds(data.below(200)));
          break;
        case 5:
          settle();
          check(index, model, data);
          break;
        default: {
          const auto c = data.next_commit(1, 8, 20);
          in_flight.emplace_back(c.changes, ask<update_reply>(index, update_request{*c.changes, caf::none, 0}));
          for (uint64_t steps = data.below(6); steps > 0; steps--) step();
        }
      }
      if (HasFatalFailure()) return;
    }
    settle();
    check(index, model, data);
    close(index);
    index = ready_index(record);
    check(index, model, data);
    close(index);
  }

  void check(const index_handle& index, const naive_index& model, random_data& data) {
    const auto info = get<index_info>(index, index_info_request{});
    ASSERT_EQ(info.version, model.version());
    ASSERT_EQ(info.num_documents, model.documents().size());
    ASSERT_EQ(metadata_map(info.metadata.begin(), info.metadata.end()), model.metadata());
    for (int i = 0; i < 5; i++) {
      const auto hashes = data.hashes(30);
      auto request = query(hashes);
      request.min_score = 1 + static_cast<uint32_t>(data.below(3));
      search_options options;
      options.limit = request.limit;
      options.min_score = *request.min_score;
      ASSERT_EQ(get<search_reply>(index, request).results.to_vector(), model.search(hashes, options));
      const auto id = data.id();
      const auto document = ask<document_reply>(index, document_request{id, 0});
      run();
      const auto expected = model.find(id);
      ASSERT_EQ(document.succeeded(), expected.has_value());
      if (expected) {
        ASSERT_EQ(document.value().version, expected->commit);
      }
    }
  }
};

TEST_F(random_script, agrees_with_the_naive_model) {
  for (uint64_t seed = 1; seed <= 25; seed++) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    ASSERT_NO_FATAL_FAILURE(play(seed));
  }
}

// The same actors on real threads: writers and readers side by side, upkeep all the time, then a shutdown and a
// second start.
TEST(threads, writers_and_readers_side_by_side) {
  constexpr uint32_t num_writers = 3, writes_each = 60;
  test::temporary_folder folder;
  config settings;
  settings.dir = folder.path().string();
  settings.threads = 2;
  settings.checkpoint_threshold = 40;
  settings.max_memory_segments = 4;
  settings.merge = {.min_segment_size = 10,
                    .max_segment_size = 100'000,
                    .segments_per_level = 2,
                    .segments_per_merge = 3,
                    .max_segments = 4};
  const auto make_node = [&](caf::actor_system& system, const blocking_pools& pools) {
    auto env = std::make_shared<environment>();
    env->settings = settings;
    env->pools = &pools;
    env->log = std::make_shared<spdlog::logger>("test");
    auto data = std::make_shared<data_folder>(posix_file_system(), folder.path());
    return node_handle(system.spawn(node_actor, node_setup{std::move(env), std::move(data), "test"}));
  };
  const auto count = [](caf::scoped_actor& self, const index_handle& index, uint32_t wait_ms) -> size_t {
    search_request request;
    request.query = hash_list(std::vector<hash_value>{1000});
    request.limit = max_search_limit;
    request.timeout_ms = 0;
    request.ready_wait_ms = wait_ms;
    size_t found = 0;
    self->request(index, caf::infinite, request)
        .receive([&](const search_reply& r) { found = r.results.size(); },
                 [](const caf::error& e) { ADD_FAILURE() << text_of(e); });
    return found;
  };
  const auto resolve = [](caf::scoped_actor& self, const node_handle& node) {
    index_handle index;
    self->request(node, caf::infinite, resolve_atom_v, std::string("a"))
        .receive([&](const index_handle& i) { index = i; },
                 [](const caf::error& e) { ADD_FAILURE() << text_of(e); });
    return index;
  };
  const auto shut_down = [](caf::scoped_actor& self, node_handle& node) {
    self->request(node, caf::infinite, shutdown_atom_v)
        .receive([](const node_status&) {}, [](const caf::error& e) { ADD_FAILURE() << text_of(e); });
    self->wait_for(node);
    node = node_handle{};
  };
  {
    test::test_system_config config(false);
    caf::actor_system system(config);
    const blocking_pools pools(system, settings);
    caf::scoped_actor self(system);
    auto node = make_node(system, pools);
    self->request(node, caf::infinite, create_index_request{"a", false, caf::none})
        .receive([](const create_index_reply& r) { EXPECT_TRUE(r.ready); },
                 [](const caf::error& e) { ADD_FAILURE() << text_of(e); });
    const auto index = resolve(self, node);
    std::vector<std::thread> clients;
    for (uint32_t w = 0; w < num_writers; w++) {
      clients.emplace_back([&, w] {
        caf::scoped_actor client(system);
        for (uint32_t i = 0; i < writes_each; i++) {
          const document_id id = 1 + w * writes_each + i;
          changes_encoder changes;
          changes.insert(id, std::vector<hash_value>{id, 1000});
          client->request(index, caf::infinite, update_request{changes.take(), caf::none, 0})
              .receive([](const update_reply&) {}, [](const caf::error& e) { ADD_FAILURE() << text_of(e); });
        }
      });
    }
    clients.emplace_back([&] {
      caf::scoped_actor client(system);
      size_t last = 0;
      while (last < num_writers * writes_each && !testing::Test::HasFailure()) {
        const auto now = count(client, index, 0);
        EXPECT_GE(now, last) << "an acknowledged document is gone";
        last = now;
      }
    });
    for (auto& c : clients) c.join();
    self->request(index, caf::infinite, merge_atom_v)
        .receive([](const upkeep_reply&) {}, [](const caf::error& e) { ADD_FAILURE() << text_of(e); });
    shut_down(self, node);
  }
  test::test_system_config config(false);
  caf::actor_system system(config);
  const blocking_pools pools(system, settings);
  caf::scoped_actor self(system);
  auto node = make_node(system, pools);
  EXPECT_EQ(count(self, resolve(self, node), 30'000), num_writers * writes_each);
  shut_down(self, node);
}

}  // namespace
}  // namespace fp
