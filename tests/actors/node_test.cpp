#include <gmock/gmock.h>

#include "tests/actors/support/actor_fixture.hpp"
#include "tests/actors/support/scripted_loaders.hpp"

namespace fp {
namespace {

using std::chrono::seconds;
using test::scripted_loaders;

class node : public test::actor_fixture {
 protected:
  ~node() override { script.clear(); }

  static create_index_request creation(const std::string& name) { return {name, false, caf::none}; }
  static delete_index_request deletion(const std::string& name) { return {name, false}; }
  index_entry entry(const node_handle& n, const std::string& name) {
    for (const auto& e : get<index_list>(n, list_atom_v).indexes) {
      if (e.name == name) return e;
    }
    return {};
  }
  std::vector<std::string> index_folder(const std::string& name) { return posix_file_system().list(folder / name); }
  /// Coordinators end for nobody but their node.
  void crash(const node_actor_handle& n, const index_coordinator_handle& index) {
    caf::send_as(caf::actor_cast<caf::actor>(n), caf::actor_cast<caf::actor>(index),
                 caf::exit_msg{n.address(), make_error(errc::internal_error, "a cosmic ray")});
  }
  void damage_record(const std::string& name) {
    replace_file(posix_file_system(), folder / name / "current", "{\"generation\": 1");
  }

  scripted_loaders script;
};

TEST_F(node, serves_the_indexes_of_its_folder) {
  prepare_index("a", 2);
  prepare_index("b", 5);
  const auto n = running_node();
  const auto list = get<index_list>(n, list_atom_v).indexes;
  ASSERT_EQ(list.size(), 2u);
  EXPECT_EQ(list[0].name, "a");
  EXPECT_EQ(list[1].state, index_state::ready);
  EXPECT_EQ(found(resolve(n, "b"), 1000).size(), 5u);
  const auto absent = ask<index_handle>(n, resolve_atom_v, std::string("c"));
  const auto invalid = ask<index_handle>(n, resolve_atom_v, std::string("a/../b"));
  run();
  EXPECT_EQ(absent.code(), errc::index_not_found);
  EXPECT_EQ(invalid.code(), errc::invalid_index_name);
  const auto s = get<node_status>(n, status_atom_v);
  EXPECT_EQ(s.data_folder, folder.path().string());
  EXPECT_EQ(s.indexes.indexes.size(), 2u);
}

TEST_F(node, answers_requests_that_come_before_the_folder_is_read) {
  prepare_index("a", 2);
  const auto n = spawn_node();
  const auto handle = ask<index_handle>(n, resolve_atom_v, std::string("a"));
  const auto list = ask<index_list>(n, list_atom_v);
  const auto created = ask<create_index_reply>(n, creation("a"));
  run();
  EXPECT_TRUE(handle.succeeded()) << handle.text();
  EXPECT_EQ(list.value().indexes.size(), 1u);
  EXPECT_FALSE(created.value().created);
  EXPECT_EQ(created.value().version, 2u);
}

TEST_F(node, generations_go_up_over_create_delete_create) {
  const auto n = running_node();
  for (uint64_t generation = 1; generation <= 3; generation++) {
    auto created = get<create_index_reply>(n, creation("a"));
    EXPECT_EQ(created.generation, generation);
    EXPECT_TRUE(created.created);
    EXPECT_TRUE(created.ready);
    EXPECT_EQ(created.version, 0u);
    const auto index = resolve(n, "a");
    EXPECT_EQ(get<update_reply>(index, insert(1, {1})).version, 1u);
    created = get<create_index_reply>(n, creation("a"));
    EXPECT_FALSE(created.created);
    EXPECT_EQ(created.version, 1u);
    EXPECT_EQ(index_folder("a"), (std::vector<std::string>{"current", "v" + std::to_string(generation)}));
    EXPECT_TRUE(get<delete_index_reply>(n, deletion("a")).deleted);
    EXPECT_EQ(index_folder("a"), std::vector<std::string>{"current"});
    EXPECT_TRUE(get<index_list>(n, list_atom_v).indexes.empty());
    EXPECT_FALSE(get<delete_index_reply>(n, deletion("a")).deleted);
  }
  const auto strict = ask<delete_index_reply>(n, delete_index_request{"a", true});
  run();
  EXPECT_EQ(strict.code(), errc::index_not_found);
  get<create_index_reply>(n, creation("a"));
  const auto again = ask<create_index_reply>(n, create_index_request{"a", true, caf::none});
  const auto newer = ask<create_index_reply>(n, create_index_request{"a", false, uint64_t{9}});
  run();
  EXPECT_EQ(again.code(), errc::index_already_exists);
  EXPECT_EQ(newer.code(), errc::newer_index_already_exists);
}

TEST_F(node, creates_and_deletes_of_one_name_run_in_order) {
  const auto n = running_node();
  std::vector<test::answer<create_index_reply>> creates;
  std::vector<test::answer<delete_index_reply>> deletes;
  for (int i = 0; i < 5; i++) {
    creates.push_back(ask<create_index_reply>(n, creation("a")));
    deletes.push_back(ask<delete_index_reply>(n, deletion("a")));
  }
  run();
  for (size_t i = 0; i < 5; i++) {
    EXPECT_EQ(creates[i].value().generation, i + 1);
    EXPECT_TRUE(deletes[i].value().deleted);
  }
  EXPECT_EQ(index_folder("a"), std::vector<std::string>{"current"});
}

TEST_F(node, delete_that_is_left_in_doubt_takes_no_more_writes) {
  size_t in_doubt = 0, came_back = 0, stayed_deleted = 0;
  for (uint64_t nth = 1; nth <= 12; nth++) {
    {
      const auto n = running_node();
      const auto generation = get<create_index_reply>(n, creation("a")).generation;
      const auto index = resolve(n, "a");
      get<update_reply>(index, insert(1, {1, 1000}));
      fs.fail(nth, {.permanent = true});
      const auto deleted = ask<delete_index_reply>(n, deletion("a"));
      run();
      fs.heal();
      if (deleted.succeeded()) {
        get<node_status>(n, shutdown_atom_v);
        break;
      }
      if (entry(n, "a").name == "a") {
        // Undone: it goes on.
        get<update_reply>(index, insert(2, {2, 1000}));
      } else {
        in_doubt++;
        EXPECT_THAT(deleted.text(), testing::HasSubstr("undoing it failed too"));
        const auto write = ask<update_reply>(index, insert(2, {2, 1000}));
        run();
        EXPECT_TRUE(write.arrived() && !write.succeeded());
        const auto again = get<create_index_reply>(n, creation("a"));
        EXPECT_EQ(again.created, again.generation != generation);
        again.created ? stayed_deleted++ : came_back++;
        EXPECT_EQ(found(resolve(n, "a"), 1000).size(), again.created ? 0u : 1u);
        get<update_reply>(resolve(n, "a"), insert(2, {2, 1000}));
      }
      get<node_status>(n, shutdown_atom_v);
    }
    const auto n = running_node();
    EXPECT_THAT(found(resolve(n, "a"), 1000), testing::Contains(document_id{2})) << nth;
    get<delete_index_reply>(n, deletion("a"));
    get<node_status>(n, shutdown_atom_v);
  }
  EXPECT_GT(in_doubt, 1u);
  EXPECT_GT(stayed_deleted, 0u);
}

TEST_F(node, deletes_under_load) {
  for (int steps = 0; steps < 20; steps++) {
    const auto n = running_node();
    get<create_index_reply>(n, creation("a"));
    const auto index = resolve(n, "a");
    get<update_reply>(index, insert(1, {1, 1000}));
    std::vector<test::answer<update_reply>> writes;
    std::vector<test::answer<search_reply>> searches;
    for (document_id id = 2; id < 10; id++) {
      writes.push_back(write(index, id));
      searches.push_back(ask<search_reply>(index, query({1000})));
    }
    const auto checkpoint = ask<upkeep_reply>(index, checkpoint_atom_v);
    for (int i = 0; i < steps; i++) step();
    const auto deleted = ask<delete_index_reply>(n, deletion("a"));
    for (document_id id = 10; id < 15; id++) writes.push_back(write(index, id));
    run();
    EXPECT_TRUE(deleted.value().deleted);
    for (const auto& a : writes) EXPECT_TRUE(a.arrived());
    for (const auto& a : searches) EXPECT_TRUE(a.arrived());
    EXPECT_TRUE(checkpoint.arrived());
    EXPECT_EQ(index_folder("a"), std::vector<std::string>{"current"});
    get<node_status>(n, shutdown_atom_v);
  }
}

TEST_F(node, delete_of_a_loading_index_ends_its_load) {
  spawn_loader = script.spawner();
  prepare_index("a", 4);
  const auto n = running_node();
  const auto deleted = ask<delete_index_reply>(n, deletion("a"));
  run();
  EXPECT_FALSE(deleted.arrived());
  while (!script.jobs().empty()) script.give_up(0);
  run();
  EXPECT_TRUE(deleted.value().deleted);
  EXPECT_EQ(index_folder("a"), std::vector<std::string>{"current"});
  EXPECT_EQ(get<node_status>(n, status_atom_v).loaders_running, 0u);
}

TEST_F(node, create_answers_in_time_when_its_index_is_not_ready) {
  spawn_loader = script.spawner();
  prepare_index("a", 1);
  const auto n = running_node();
  const auto created = ask<create_index_reply>(n, creation("a"));
  run();
  EXPECT_FALSE(created.arrived());
  advance(seconds(1));
  EXPECT_FALSE(created.value().ready);
  EXPECT_FALSE(created.value().created);
}

TEST_F(node, failed_index_leaves_the_others_alone) {
  const auto bad = prepare_index("bad", 3);
  prepare_index("good", 3);
  replace_file(posix_file_system(), folders(bad).data / segment_file_name(2, 2), "rubbish");
  const auto n = running_node();
  EXPECT_EQ(entry(n, "bad").state, index_state::failed);
  EXPECT_NE(entry(n, "bad").reason.find(segment_file_name(2, 2)), std::string::npos);
  EXPECT_EQ(entry(n, "good").state, index_state::ready);
  EXPECT_EQ(found(resolve(n, "good"), 1000).size(), 3u);
  EXPECT_TRUE(get<delete_index_reply>(n, deletion("bad")).deleted);
  EXPECT_TRUE(get<create_index_reply>(n, creation("bad")).ready);
}

TEST_F(node, damaged_record_shows_as_a_failed_index) {
  prepare_index("bad", 1);
  prepare_index("good", 1);
  damage_record("bad");
  const auto n = running_node();
  const auto reason = entry(n, "bad").reason;
  EXPECT_EQ(entry(n, "bad").state, index_state::failed);
  EXPECT_NE(reason.find("current"), std::string::npos) << reason;
  EXPECT_EQ(found(resolve(n, "good"), 1000).size(), 1u);
  // Nobody knows which generation to load: a reload must not invent one, and says what it has found.
  const auto index = resolve(n, "bad");
  const auto reloaded = ask<index_status>(index, reload_atom_v);
  run();
  EXPECT_EQ(reloaded.code(), errc::index_failed) << reloaded.text();
  EXPECT_EQ(entry(n, "bad").reason, reason);
  EXPECT_THAT(reason, testing::HasSubstr("no JSON at line 1, column "));
  EXPECT_EQ(index_folder("bad"), (std::vector<std::string>{"current", "v1"}));
  const auto created = ask<create_index_reply>(n, creation("bad"));
  const auto deleted = ask<delete_index_reply>(n, deletion("bad"));
  run();
  EXPECT_EQ(created.code(), errc::index_failed);
  EXPECT_EQ(deleted.code(), errc::index_failed);
  EXPECT_EQ(created.text(), reason);
  EXPECT_EQ(found(resolve(n, "good"), 1000).size(), 1u);
}

// A warning that means an attack does not come with normal work.
TEST_F(node, warns_of_no_ends_of_its_own_actors) {
  prepare_index("a", 2);
  const auto n = running_node();
  get<update_reply>(resolve(n, "a"), insert(7, {7, 1000}));
  get<upkeep_reply>(resolve(n, "a"), checkpoint_atom_v);
  get<upkeep_reply>(resolve(n, "a"), merge_atom_v);
  EXPECT_TRUE(get<delete_index_reply>(n, deletion("a")).deleted);
  get<create_index_reply>(n, creation("a"));
  EXPECT_TRUE(get<delete_index_reply>(n, deletion("a")).deleted);
  run();
  EXPECT_EQ(log_text().find("warn"), std::string::npos) << log_text();
}

TEST_F(node, reload_reads_a_record_anew_that_has_been_put_right) {
  prepare_index("bad", 2);
  const path record = folder / "bad" / "current";
  const auto right = read_file(posix_file_system(), record, 4096);
  damage_record("bad");
  const auto n = running_node();
  EXPECT_EQ(entry(n, "bad").state, index_state::failed);
  posix_file_system().remove(record);
  const auto lost = ask<index_status>(resolve(n, "bad"), reload_atom_v);
  run();
  EXPECT_EQ(lost.code(), errc::index_failed);
  EXPECT_THAT(entry(n, "bad").reason, testing::HasSubstr("missing, but the index has data"));
  replace_file(posix_file_system(), record, right);
  get<index_status>(resolve(n, "bad"), reload_atom_v);
  run();
  EXPECT_EQ(entry(n, "bad").state, index_state::ready);
  EXPECT_EQ(entry(n, "bad").generation, 1u);
  EXPECT_EQ(found(resolve(n, "bad"), 1000).size(), 2u);
  EXPECT_TRUE(get<delete_index_reply>(n, deletion("bad")).deleted);
}

TEST_F(node, crashed_coordinator_is_replaced_and_reloadable) {
  prepare_index("a", 2);
  prepare_index("b", 2);
  const auto n = running_node();
  const auto first = resolve(n, "a");
  get<update_reply>(first, insert(7, {7, 1000}));
  crash(n, state_of_node(n).indexes["a"].coordinator);
  run();
  EXPECT_EQ(entry(n, "a").state, index_state::failed);
  EXPECT_NE(entry(n, "a").reason.find("a cosmic ray"), std::string::npos) << entry(n, "a").reason;
  EXPECT_EQ(found(resolve(n, "b"), 1000).size(), 2u);
  const auto second = resolve(n, "a");
  EXPECT_NE(first, second);
  const auto early = ask<search_reply>(second, query({1000}));
  run();
  EXPECT_EQ(early.code(), errc::index_failed);
  get<index_status>(second, reload_atom_v);
  EXPECT_EQ(entry(n, "a").state, index_state::ready);
  EXPECT_EQ(found(second, 1000).size(), 3u);
}

TEST_F(node, coordinator_that_crashes_during_a_delete) {
  for (int steps = 0; steps < 12; steps++) {
    const auto n = running_node();
    get<create_index_reply>(n, creation("a"));
    const auto coordinator = state_of_node(n).indexes["a"].coordinator;
    const auto deleted = ask<delete_index_reply>(n, deletion("a"));
    for (int i = 0; i < steps; i++) step();
    crash(n, coordinator);
    run();
    EXPECT_TRUE(deleted.arrived()) << steps;
    EXPECT_TRUE(get<create_index_reply>(n, creation("a")).created) << steps;
    get<node_status>(n, shutdown_atom_v);
  }
}

TEST_F(node, strangers_cannot_end_it) {
  prepare_index("a", 1);
  const auto n = running_node();
  auto stranger = system().spawn([](caf::event_based_actor*) -> caf::behavior { return {[](int) {}}; });
  caf::anon_send_exit(n, caf::exit_reason::user_shutdown);
  caf::anon_send(caf::actor_cast<caf::actor>(n),
                 caf::exit_msg{stranger.address(), make_error(errc::internal_error, "die")});
  caf::anon_send_exit(stranger, caf::exit_reason::kill);
  run();
  EXPECT_EQ(found(resolve(n, "a"), 1000).size(), 1u);
}

TEST_F(node, shutdown_closes_everything) {
  prepare_index("a", 2);
  prepare_index("b", 2);
  const auto n = running_node();
  const auto written = write(resolve(n, "a"), 9);
  const auto down = ask<node_status>(n, shutdown_atom_v);
  run();
  EXPECT_TRUE(written.arrived());
  EXPECT_EQ(down.value().indexes.indexes.size(), 2u);
  // The folder is free again.
  const auto again = running_node();
  EXPECT_EQ(entry(again, "a").state, index_state::ready);
  EXPECT_EQ(found(resolve(again, "a"), 1000).size(), written.succeeded() ? 3u : 2u);
}

TEST_F(node, shutdown_of_a_node_without_indexes) {
  const auto n = running_node();
  EXPECT_TRUE(get<node_status>(n, shutdown_atom_v).indexes.indexes.empty());
  EXPECT_EQ(running_node() != nullptr, true);
}

TEST_F(node, shutdown_at_any_moment) {
  const size_t files = test::num_open_files();
  for (int steps = 0; steps < 30; steps++) {
    const auto n = spawn_node();
    const auto created = ask<create_index_reply>(n, creation("a"));
    const auto other = ask<create_index_reply>(n, creation("b"));
    const auto deleted = ask<delete_index_reply>(n, deletion("a"));
    const auto last = ask<create_index_reply>(n, creation("c"));
    const auto list = ask<index_list>(n, list_atom_v);
    for (int i = 0; i < steps; i++) step();
    const auto down = ask<node_status>(n, shutdown_atom_v);
    const auto late = ask<create_index_reply>(n, creation("d"));
    run();
    EXPECT_TRUE(down.succeeded()) << steps << down.text();
    for (const auto& a : {created, other, last, late}) EXPECT_TRUE(a.arrived()) << steps;
    EXPECT_TRUE(deleted.arrived()) << steps;
    EXPECT_TRUE(list.arrived()) << steps;
    EXPECT_FALSE(late.succeeded()) << steps;
    EXPECT_EQ(test::num_open_files(), files) << steps;
  }
}

TEST_F(node, shutdown_during_load) {
  settings.max_concurrent_loads = 2;
  spawn_loader = script.spawner();
  prepare_index("a", 4);
  prepare_index("b", 4);
  const auto n = running_node();
  auto request = query({1000});
  request.ready_wait_ms = 10'000;
  const auto search = ask<search_reply>(resolve(n, "a"), request);
  const auto down = ask<node_status>(n, shutdown_atom_v);
  run();
  EXPECT_TRUE(down.succeeded());
  EXPECT_EQ(search.code(), errc::shutting_down);
  for (const auto& job : script.jobs()) EXPECT_TRUE(is_cancelled(job.cancel.get()));
  while (!script.jobs().empty()) script.give_up(0);
  run();
  EXPECT_EQ(script.num_alive(), 0u);
  const auto again = ask<node_status>(n, status_atom_v);
  run();
  EXPECT_EQ(again.code(), errc::unreachable) << "the node has ended";
}

TEST_F(node, folder_that_cannot_be_read_ends_it) {
  prepare_index("a", 1);
  const auto n = spawn_node();
  const auto created = ask<create_index_reply>(n, creation("x"));
  const auto list = ask<index_list>(n, list_atom_v);
  fs.fail(1, {.permanent = true});
  run();
  fs.heal();
  EXPECT_TRUE(created.arrived());
  EXPECT_TRUE(list.arrived());
  const auto later = ask<node_status>(n, status_atom_v);
  run();
  EXPECT_EQ(later.code(), errc::unreachable);
}

TEST_F(node, death_of_the_catalog_ends_it_and_answers_everybody) {
  prepare_index("a", 1);
  const auto n = running_node();
  const auto created = ask<create_index_reply>(n, creation("x"));
  const auto queued = ask<create_index_reply>(n, creation("y"));
  while (!state_of_node(n).operation_running) ASSERT_TRUE(step());
  fs.fail(1, {.foreign = true});
  run();
  fs.heal();
  EXPECT_TRUE(created.arrived());
  EXPECT_TRUE(queued.arrived());
  const auto later = ask<node_status>(n, status_atom_v);
  run();
  EXPECT_EQ(later.code(), errc::unreachable);
}

}  // namespace
}  // namespace fp
