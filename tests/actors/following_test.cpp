#include <algorithm>

#include "tests/actors/support/following_fixture.hpp"

namespace fp {
namespace {

class following : public test::following_fixture {};

TEST_F(following, what_is_written_at_one_node_is_found_at_all_of_them) {
  const auto a = spawn_replica("a"), b = spawn_replica("b");
  const auto index_a = made(a, "main");
  soon();
  const auto index_b = resolve(b, "main");
  EXPECT_EQ(status(index_a).generation, 1u);
  EXPECT_EQ(status(index_b).generation, 1u);
  const auto written = write(index_a, 5);
  run();
  EXPECT_EQ(written.value().version, 1u);
  EXPECT_EQ(found(index_a, 5), std::vector<document_id>{5}) << "who has written reads it";
  soon();
  EXPECT_EQ(found(index_b, 5), std::vector<document_id>{5});
  EXPECT_EQ(get<update_reply>(index_b, erase(5)).version, 2u);
  soon();
  EXPECT_TRUE(found(index_a, 5).empty());
  EXPECT_EQ(status(index_a).version, 2u);
}

TEST_F(following, what_a_client_has_written_elsewhere_it_finds_here_by_its_version) {
  const auto a = spawn_replica("a"), b = spawn_replica("b");
  const auto index_a = made(a, "main");
  soon();
  const auto index_b = resolve(b, "main");
  const auto version = get<update_reply>(index_a, insert(5, {5})).version;
  auto request = query({5});
  request.min_version = version;
  const auto searched = ask<search_reply>(index_b, request);
  const auto looked_up = ask<document_reply>(index_b, document_request{5, 0, version});
  run();
  EXPECT_FALSE(searched.arrived());
  soon();
  EXPECT_EQ(searched.value().results.size(), 1u);
  EXPECT_EQ(searched.value().version, version);
  EXPECT_EQ(looked_up.value().version, version);
  request.min_version = version + 1;
  request.timeout_ms = 300;
  const auto late = ask<search_reply>(index_b, request);
  run();
  advance(std::chrono::milliseconds(300));
  EXPECT_EQ(late.code(), errc::replication_timeout);
  EXPECT_EQ(late.text(), "index main is at version 1, not yet at 2");
}

TEST_F(following, replicas_that_look_for_themselves_do_the_same) {
  has_watch = false;
  log->tells_newest = false;
  const auto a = spawn_replica("a"), b = spawn_replica("b");
  const auto index_a = made(a, "main");
  soon();
  get<update_reply>(index_a, insert(5, {5}));
  soon();
  EXPECT_EQ(found(resolve(b, "main"), 5), std::vector<document_id>{5});
}

TEST_F(following, a_write_expects_a_version_of_the_changelog) {
  const auto a = spawn_replica("a");
  const auto index = made(a, "main");
  get<update_reply>(index, insert(1, {1}));
  const auto wrong = ask<update_reply>(index, expecting(2, 0));
  run();
  EXPECT_EQ(wrong.code(), errc::version_mismatch);
  EXPECT_EQ(get<update_reply>(index, expecting(3, 1)).version, 2u);
}

TEST_F(following, what_was_applied_is_there_after_a_restart_and_the_rest_comes) {
  {
    const auto a = spawn_replica("a"), b = spawn_replica("b");
    const auto index = made(a, "main");
    for (document_id id = 1; id <= 20; id++) get<update_reply>(index, insert(id, {id, 1000}));
    soon();
    stop(b);
    for (document_id id = 21; id <= 30; id++) get<update_reply>(index, insert(id, {id, 1000}));
    stop(a);
  }
  const int reads = log->num_calls["read"];
  const auto b = spawn_replica("b");
  soon();
  const auto index = resolve(b, "main");
  EXPECT_EQ(status(index).version, 30u);
  EXPECT_EQ(found(index, 1000).size(), 30u);
  EXPECT_LT(log->num_calls["read"] - reads, 10);
  EXPECT_EQ(log_text().find("died"), std::string::npos) << log_text();
}

TEST_F(following, an_empty_replica_is_loading_until_it_has_what_there_was) {
  const auto a = spawn_replica("a");
  const auto index = made(a, "main");
  for (document_id id = 1; id <= 5; id++) get<update_reply>(index, insert(id, {id, 1000}));
  fail("read", changelog_status::unavailable);
  const auto b = spawn_replica("b");
  soon();
  const auto filling = resolve(b, "main");
  EXPECT_EQ(status(filling).state, index_state::loading);
  EXPECT_NE(status(filling).reason.find("read fails"), std::string::npos) << status(filling).reason;
  const auto refused = ask<search_reply>(filling, query({1000}));
  run();
  EXPECT_EQ(refused.code(), errc::index_not_ready);
  log->fault = nullptr;
  soon();
  advance(std::chrono::seconds(10));
  EXPECT_EQ(status(filling).state, index_state::ready);
  EXPECT_EQ(found(filling, 1000).size(), 5u);
}

TEST_F(following, a_replica_that_was_half_filled_goes_on_filling_after_a_restart) {
  {
    const auto a = spawn_replica("a");
    const auto index = made(a, "main");
    for (document_id id = 1; id <= 5; id++) get<update_reply>(index, insert(id, {id, 1000}));
    changes_encoder many;
    for (document_id id = 6; id <= 3'000; id++) many.insert(id, std::vector<hash_value>{id, 1000});
    get<update_reply>(index, update_request{many.take(), caf::none, 0});
  }
  int reads = 2;
  log->fault = [&](const std::string& call) {
    return call == "read" && reads-- <= 0 ? changelog_answer{changelog_status::unavailable, "down"}
                                          : changelog_answer{};
  };
  {
    const auto b = spawn_replica("b");
    soon();
    EXPECT_EQ(status(resolve(b, "main")).state, index_state::loading);
    EXPECT_GT(status(resolve(b, "main")).version, 0u);
    stop(b);
  }
  const auto b = spawn_replica("b");
  soon();
  EXPECT_EQ(status(resolve(b, "main")).state, index_state::loading) << "half of it is no answer";
  log->fault = nullptr;
  for (int i = 0; i < 20; i++) advance(std::chrono::seconds(1));
  EXPECT_EQ(status(resolve(b, "main")).state, index_state::ready);
  EXPECT_EQ(found(resolve(b, "main"), 1000).size(), 3'000u);
  stop(b);
  log->fault = [](const std::string&) { return changelog_answer{changelog_status::unavailable, "down"}; };
  EXPECT_EQ(status(resolve(spawn_replica("b"), "main")).state, index_state::ready) << "it has been whole";
}

TEST_F(following, searches_go_on_while_the_changelog_is_away_and_writes_do_not) {
  const auto a = spawn_replica("a");
  const auto index = made(a, "main");
  get<update_reply>(index, insert(1, {1}));
  log->fault = [](const std::string&) { return changelog_answer{changelog_status::unavailable, "down"}; };
  const auto written = write(index, 2);
  for (int i = 0; i < 35; i++) advance(std::chrono::seconds(1));
  EXPECT_EQ(written.code(), errc::changelog_unavailable);
  EXPECT_EQ(found(index, 1), std::vector<document_id>{1});
  EXPECT_EQ(status(index).state, index_state::ready);
  log->fault = nullptr;
  advance(std::chrono::seconds(20));
  EXPECT_EQ(get<update_reply>(index, insert(3, {3})).version, 2u);
}

TEST_F(following, a_write_whose_answer_got_lost_is_there_once) {
  const auto a = spawn_replica("a");
  const auto index = made(a, "main");
  int lost = 2;
  log->fault = [&](const std::string& call) {
    return call == "append" && lost-- > 0 ? changelog_answer{changelog_status::in_doubt, "cut off"}
                                          : changelog_answer{};
  };
  const auto written = write(index, 7);
  for (int i = 0; i < 5; i++) advance(std::chrono::seconds(1));
  EXPECT_EQ(written.value().version, 1u);
  EXPECT_EQ(log->lineages.at({"main", 1}).entries.size(), 1u);
}

TEST_F(following, a_feed_that_nobody_may_write_to_says_so) {
  const auto a = spawn_replica("a");
  const auto index = made(a, "main");
  for (const char* call : {"append", "create", "delete"}) {
    fail(call, changelog_status::read_only);
    if (std::string(call) == "append") {
      const auto written = write(index, 1);
      run();
      EXPECT_EQ(written.code(), errc::feed_is_read_only);
    } else if (std::string(call) == "create") {
      const auto created = ask<create_index_reply>(node_handle(a), create_index_request{"other", false, caf::none});
      run();
      EXPECT_EQ(created.code(), errc::feed_is_read_only);
    } else {
      const auto deleted = ask<delete_index_reply>(node_handle(a), delete_index_request{"main", false});
      run();
      EXPECT_EQ(deleted.code(), errc::feed_is_read_only);
    }
  }
}

TEST_F(following, deleting_and_making_anew_reach_every_node) {
  const auto a = spawn_replica("a"), b = spawn_replica("b");
  const auto first = made(a, "main");
  get<update_reply>(first, insert(1, {1}));
  soon();
  EXPECT_TRUE(get<delete_index_reply>(node_handle(b), delete_index_request{"main", true}).deleted);
  soon();
  EXPECT_TRUE(get<index_list>(node_handle(a), list_atom_v).indexes.empty());
  const auto created = get<create_index_reply>(node_handle(a), create_index_request{"main", true, caf::none});
  EXPECT_EQ(created.generation, 3u);
  EXPECT_TRUE(created.ready);
  soon();
  EXPECT_EQ(status(resolve(b, "main")).generation, 3u);
  EXPECT_EQ(status(resolve(b, "main")).version, 0u);
}

TEST_F(following, creates_and_deletes_follow_the_contract) {
  const auto a = spawn_replica("a");
  made(a, "main");
  const auto numbered = ask<create_index_reply>(node_handle(a), create_index_request{"x", false, 7});
  const auto twice = ask<create_index_reply>(node_handle(a), create_index_request{"main", true, caf::none});
  const auto absent = ask<delete_index_reply>(node_handle(a), delete_index_request{"x", true});
  run();
  EXPECT_EQ(numbered.code(), errc::generation_not_allowed);
  EXPECT_EQ(twice.code(), errc::index_already_exists);
  EXPECT_EQ(absent.code(), errc::index_not_found);
  const auto again = get<create_index_reply>(node_handle(a), create_index_request{"main", false, caf::none});
  EXPECT_EQ(again.generation, 1u);
  EXPECT_FALSE(again.created);
  EXPECT_FALSE(get<delete_index_reply>(node_handle(a), delete_index_request{"x", false}).deleted);
}

TEST_F(following, a_changelog_that_lost_its_end_changes_nothing_here) {
  const auto a = spawn_replica("a");
  const auto index = made(a, "main");
  for (document_id id = 1; id <= 5; id++) get<update_reply>(index, insert(id, {id, 1000}));
  log->lineages.at({"main", 1}).entries.resize(3);
  stop(a);
  const auto again = spawn_replica("a");
  soon();
  const auto parked = resolve(again, "main");
  EXPECT_EQ(status(parked).state, index_state::read_only);
  EXPECT_EQ(status(parked).reason, "the log is shorter");
  EXPECT_EQ(found(parked, 1000).size(), 5u) << "searches go on";
  const auto written = write(parked, 9);
  run();
  EXPECT_EQ(written.code(), errc::read_only);
  EXPECT_EQ(log->lineages.at({"main", 1}).entries.size(), 3u);
}

TEST_F(following, a_changelog_whose_end_is_another_one_than_before_is_noticed) {
  const auto a = spawn_replica("a");
  const auto index = made(a, "main");
  for (document_id id = 1; id <= 5; id++) get<update_reply>(index, insert(id, {id, 1000}));
  auto& entries = log->lineages.at({"main", 1}).entries;
  entries.back().tag = 999;
  entries.push_back({6, entries.back().change, 1000});
  soon();
  EXPECT_EQ(status(index).state, index_state::read_only);
  EXPECT_EQ(status(index).reason, "another log");
  EXPECT_EQ(status(index).version, 5u);
}

TEST_F(following, notices_after_a_restart_that_the_log_has_other_changes_at_its_end) {
  for (const auto& [name, kind] : {std::pair{"insert", 0}, {"delete", 1}, {"metadata", 2}}) {
    SCOPED_TRACE(name);
    const std::string here = std::string("a-") + name;
    {
      const auto a = spawn_replica(here);
      const auto index = made(a, name);
      for (document_id id = 1; id <= 5; id++) get<update_reply>(index, insert(id, {id, 1000}));
      if (kind == 1) get<update_reply>(index, erase(5));
      if (kind == 2) {
        changes_encoder set;
        set.set_metadata("key", "value");
        get<update_reply>(index, update_request{set.take(), caf::none, 0});
      }
      stop(a);
    }
    // What it has is still there: it goes on.
    {
      const auto a = spawn_replica(here);
      soon();
      EXPECT_EQ(status(resolve(a, name)).state, index_state::ready);
      stop(a);
    }
    const auto of_name = [&](const auto& l) { return l.first.index == name; };
    auto& entries = std::ranges::find_if(log->lineages, of_name)->second.entries;
    changes_encoder other;
    if (kind == 0) other.insert(5, std::vector<hash_value>{7, 1000});
    if (kind == 1) other.erase(4);
    if (kind == 2) other.set_metadata("key", "another");
    entries.back().change = other.take();
    entries.back().tag = 999;
    const auto a = spawn_replica(here);
    soon();
    const auto now = status(resolve(a, name));
    EXPECT_EQ(now.state, index_state::read_only);
    EXPECT_EQ(now.replica.state, "parked");
    stop(a);
  }
}

TEST_F(following, a_replica_that_loads_is_not_called_parked) {
  {
    const auto a = spawn_replica("a");
    get<update_reply>(made(a, "main"), insert(1, {1}));
    stop(a);
  }
  const path logs = folder.path() / "a/main/v1/oplog", away = folder.path() / "away";
  std::filesystem::rename(logs, away);
  const auto index = resolve(spawn_replica("a"), "main");
  EXPECT_EQ(status(index).state, index_state::failed);
  EXPECT_EQ(status(index).replica.state, "parked");
  std::filesystem::remove_all(logs);
  std::filesystem::rename(away, logs);
  const auto loads = get<index_status>(index, reload_atom_v);
  EXPECT_EQ(loads.state, index_state::loading);
  EXPECT_EQ(loads.replica.state, "");
  soon();
  EXPECT_EQ(status(index).replica.state, "following");
}

// Who would wait for an index that loads its files asks: this one has files to get.
TEST_F(following, a_replica_that_loads_before_it_is_filled_is_called_filling) {
  {
    const auto a = spawn_replica("a");
    const auto index = made(a, "main");
    for (document_id id = 1; id <= 5; id++) get<update_reply>(index, insert(id, {id, 1000}));
    fail("read", changelog_status::unavailable);
    stop(spawn_replica("b"));
  }
  const path logs = folder.path() / "b/main/v1/oplog", away = folder.path() / "away";
  std::filesystem::rename(logs, away);
  const auto index = resolve(spawn_replica("b"), "main");
  EXPECT_EQ(status(index).state, index_state::failed);
  std::filesystem::remove_all(logs);
  std::filesystem::rename(away, logs);
  const auto loads = get<index_status>(index, reload_atom_v);
  EXPECT_EQ(loads.state, index_state::loading);
  EXPECT_EQ(loads.replica.state, "filling");
  log->fault = nullptr;
  for (int i = 0; i < 20; i++) advance(std::chrono::seconds(1));
  EXPECT_EQ(status(index).replica.state, "following");
  EXPECT_EQ(found(index, 1000).size(), 5u);
}

TEST_F(following, an_emptied_feed_deletes_nothing) {
  {
    const auto a = spawn_replica("a");
    get<update_reply>(made(a, "main"), insert(1, {1}));
    stop(a);
  }
  *log = test::model_log();
  const auto a = spawn_replica("a");
  soon();
  const auto index = resolve(a, "main");
  EXPECT_EQ(status(index).state, index_state::read_only);
  EXPECT_NE(status(index).reason.find("does not know generation 1"), std::string::npos) << status(index).reason;
  EXPECT_EQ(found(index, 1), std::vector<document_id>{1});
  EXPECT_TRUE(get<delete_index_reply>(node_handle(a), delete_index_request{"main", true}).deleted);
  soon();
  EXPECT_TRUE(get<index_list>(node_handle(a), list_atom_v).indexes.empty());
}

TEST_F(following, a_replica_without_its_changelog_takes_no_writes) {
  {
    const auto a = spawn_replica("a");
    get<update_reply>(made(a, "main"), insert(1, {1}));
    stop(a);
  }
  settings.dir = (folder.path() / "a").string();
  auto data = std::make_shared<data_folder>(fs, path(settings.dir));
  const auto alone = system().spawn(node_actor, node_setup{make_env(), std::move(data), "test"});
  run();
  const auto index = resolve(alone, "main");
  EXPECT_EQ(status(index).state, index_state::read_only);
  const auto written = write(index, 2);
  run();
  EXPECT_EQ(written.code(), errc::read_only);
  EXPECT_EQ(found(index, 1), std::vector<document_id>{1});
  stop(alone);
}

TEST_F(following, an_index_of_the_nodes_own_takes_no_writes_beside_a_changelog) {
  {
    auto data = std::make_shared<data_folder>(fs, path(folder.path() / "a"));
    data->create("main", {});
  }
  log->meta.push_back({1, meta_operation::kind::create, "main"});
  log->lineages[{"main", 1}];
  const auto a = spawn_replica("a");
  soon();
  const auto index = resolve(a, "main");
  EXPECT_EQ(status(index).state, index_state::read_only);
  EXPECT_NE(status(index).reason.find("own"), std::string::npos);
  const auto written = write(index, 2);
  run();
  EXPECT_EQ(written.code(), errc::read_only);
  const auto again = ask<create_index_reply>(node_handle(a), create_index_request{"main", false, caf::none});
  run();
  EXPECT_EQ(again.code(), errc::index_already_exists);
  // Deleted here alone, it makes room for the one that all have.
  EXPECT_TRUE(get<delete_index_reply>(node_handle(a), delete_index_request{"main", true}).deleted);
  EXPECT_EQ(log->meta.size(), 1u);
  soon();
  EXPECT_EQ(get<update_reply>(resolve(a, "main"), insert(1, {1})).version, 1u);
}

TEST_F(following, names_that_nobody_can_have_hold_up_no_others) {
  log->meta = {{1, meta_operation::kind::create, "bad%20name"}, {2, meta_operation::kind::create, "main"}};
  log->lineages[{"main", 2}];
  const auto a = spawn_replica("a");
  soon();
  EXPECT_EQ(status(resolve(a, "main")).generation, 2u);
  EXPECT_NE(log_text().find("bad%20name"), std::string::npos);
}

TEST_F(following, a_full_disk_holds_a_replica_up_and_loses_nothing) {
  const auto a = spawn_replica("a");
  const auto index = made(a, "main");
  get<update_reply>(index, insert(1, {1, 1000}));
  fs.fail(1, {errc::no_space, 0, false, true}, test::fs_operation::write);
  const auto late = write(index, 2);
  for (int i = 0; i < 31; i++) advance(std::chrono::seconds(1));
  EXPECT_EQ(late.code(), errc::replication_timeout) << "it is in the changelog";
  EXPECT_EQ(status(index).state, index_state::read_only);
  const auto refused = write(index, 3);
  run();
  EXPECT_EQ(refused.code(), errc::read_only);
  EXPECT_EQ(found(index, 1000).size(), 1u);
  fs.heal();
  for (int i = 0; i < 20; i++) advance(std::chrono::seconds(1));
  EXPECT_EQ(status(index).state, index_state::ready);
  EXPECT_EQ(found(index, 1000).size(), 2u);
  EXPECT_EQ(status(index).version, 2u);
}

TEST_F(following, many_idle_indexes_are_asked_for_in_one_question) {
  for (feed_position i = 1; i <= 100; i++) {
    const auto index = "i" + std::to_string(i);
    log->meta.push_back({i, meta_operation::kind::create, index});
    log->lineages[{index, i}];
  }
  const auto a = spawn_replica("a");
  soon();
  log->num_calls.clear();
  for (int i = 0; i < 50; i++) advance(std::chrono::milliseconds(250));
  EXPECT_EQ(log->num_calls["read"], 0);
  EXPECT_LE(log->num_calls["newest"], 51);
  EXPECT_GE(log->num_calls["newest"], 40);
}

TEST_F(following, a_follower_that_dies_is_replaced) {
  const auto a = spawn_replica("a");
  const auto index = made(a, "main");
  get<update_reply>(index, insert(1, {1, 1000}));
  kill_child(state_of_node(a).indexes.at("main").coordinator, "feed_follower");
  run();
  EXPECT_EQ(get<update_reply>(index, insert(2, {2, 1000})).version, 2u);
  EXPECT_EQ(found(index, 1000).size(), 2u);
}

}  // namespace
}  // namespace fp
