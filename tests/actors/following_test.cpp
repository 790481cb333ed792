#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>

#include "actors/changelog_actor.hpp"
#include "actors/feed_watch.hpp"
#include "core/backup/backup_writer.hpp"
#include "tests/actors/support/actor_fixture.hpp"
#include "tests/core/support/model_changelog.hpp"

namespace fp {
namespace {

using test::model_changelog;
using test::model_log;

/// Peers as a test has them: what each holds, and where it breaks.
struct scripted_peers {
  struct peer {
    peer_report report;
    std::vector<std::byte> backup;
    std::optional<size_t> breaks_at;
  };
  std::vector<peer> peers;
  std::vector<std::string> opened;
};

class scripted_base_source : public base_source {
 public:
  explicit scripted_base_source(std::shared_ptr<scripted_peers> script) : script_(std::move(script)) {}

  std::vector<peer_report> probe(const std::string&, time_point) override {
    std::vector<peer_report> reports;
    for (const auto& p : script_->peers) reports.push_back(p.report);
    return reports;
  }
  std::unique_ptr<base_stream> open(const std::string& url, const std::string&, time_point) override {
    script_->opened.push_back(url);
    for (const auto& p : script_->peers) {
      if (p.report.url == url) return std::make_unique<stream>(p);
    }
    throw error(errc::unreachable, "no such peer");
  }
  void interrupt() noexcept override {}

 private:
  class stream : public base_stream {
   public:
    explicit stream(const scripted_peers::peer& from) : from_(from) {}
    size_t read(std::span<std::byte> out, std::chrono::steady_clock::time_point) override {
      const size_t end = from_.breaks_at.value_or(from_.backup.size());
      if (from_.breaks_at && at_ >= end) throw error(errc::unreachable, "the peer went away");
      const size_t count = std::min(out.size(), end - std::min(end, at_));
      std::copy_n(from_.backup.begin() + static_cast<std::ptrdiff_t>(at_), count, out.begin());
      at_ += count;
      return count;
    }

   private:
    const scripted_peers::peer from_;
    size_t at_ = 0;
  };

  std::shared_ptr<scripted_peers> script_;
};

class following : public test::actor_fixture {
 protected:
  /// What `node` would send of its replica.
  scripted_peers::peer peer_of(const node_actor_handle& node, const std::string& url, const std::string& index) {
    const auto& slot = state_of_node(node).indexes.at(index);
    const auto served = state_of(slot.coordinator).current();
    scripted_peers::peer p;
    p.report = {url, "", slot.record.lineage, served->version(), served->file_version()};
    backup_writer writer(served, index, slot.record.lineage, size_t{1} << 16);
    while (!writer.at_end()) {
      const auto chunk = writer.next();
      p.backup.insert(p.backup.end(), chunk.begin(), chunk.end());
    }
    return p;
  }
  std::shared_ptr<scripted_peers> peers;  ///< null: none are configured

  following() { settings.cluster.coordinator = true; }

  /// A node with a data folder of its own below the test's.
  node_actor_handle spawn_replica(const std::string& name) {
    const auto before = settings.dir;
    settings.dir = (folder.path() / name).string();
    const auto env = make_env();
    feed_access feed;
    changelog_setup setup;
    setup.env = env;
    setup.make = [this] { return std::make_shared<model_changelog>(log); };
    feed.log = system().spawn(changelog_actor, setup);
    if (has_watch) feed.watch = system().spawn(feed_watch, env, feed.log);
    feed.name = "the model changelog";
    if (has_stream) {
      feed.make_changelog = [this] { return std::make_shared<model_changelog>(log); };
    }
    if (peers) {
      feed.make_peers = [script = peers] { return std::make_shared<scripted_base_source>(script); };
    }
    auto data = std::make_shared<data_folder>(fs, path(settings.dir));
    settings.dir = before;
    const auto node = system().spawn(node_actor, node_setup{env, std::move(data), "test", {}, feed});
    nodes_.push_back(node);
    run();
    return node;
  }
  ~following() override {
    log->fault = nullptr;
    for (const auto& node : nodes_) stop(node);
  }
  void stop(const node_actor_handle& node) {
    caf::anon_send(node, shutdown_atom_v);
    run();
  }
  index_handle made(const node_actor_handle& node, const std::string& name) {
    const auto created = get<create_index_reply>(node_handle(node), create_index_request{name, false, caf::none});
    EXPECT_TRUE(created.created);
    return resolve(node, name);
  }
  /// Long enough for any poll.
  void soon() { advance(std::chrono::seconds(2)); }
  changelog_answer fail(const std::string& call, changelog_status status) {
    log->fault = [call, status](const std::string& asked) {
      return asked == call ? changelog_answer{status, call + " fails"} : changelog_answer{};
    };
    return {};
  }
  update_request expecting(document_id id, commit_id version) {
    auto request = insert(id, {id, 1000});
    request.expected_version = version;
    return request;
  }

  std::shared_ptr<model_log> log = std::make_shared<model_log>();
  bool has_watch = true;
  bool has_stream = false;  ///< the changelog has a bootstrap stream

 private:
  std::vector<node_actor_handle> nodes_;
};

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

TEST_F(following, an_emptied_feed_deletes_nothing) {
  {
    const auto a = spawn_replica("a");
    get<update_reply>(made(a, "main"), insert(1, {1}));
    stop(a);
  }
  *log = model_log();
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

TEST_F(following, a_replica_that_the_changelog_has_left_behind_takes_anothers) {
  peers = std::make_shared<scripted_peers>();
  const auto a = spawn_replica("a"), b = spawn_replica("b");
  const auto index = made(a, "main");
  get<update_reply>(index, insert(1, {1, 1000}));
  soon();
  stop(b);
  for (document_id id = 2; id <= 9; id++) get<update_reply>(index, insert(id, {id, 1000}));
  peers->peers = {peer_of(a, "http://a", "main")};
  get<update_reply>(index, insert(10, {10, 1000}));
  model_changelog(log).truncate({"main", 1}, 8, {});
  const auto again = spawn_replica("b");
  for (int i = 0; i < 10; i++) soon();
  EXPECT_EQ(peers->opened, (std::vector<std::string>{"http://a"}));
  const auto replaced = resolve(again, "main");
  EXPECT_EQ(status(replaced).version, 10u);
  EXPECT_EQ(status(replaced).generation, 1u);
  EXPECT_EQ(status(replaced).state, index_state::ready);
  EXPECT_EQ(found(replaced, 1000).size(), 10u);
  EXPECT_EQ(get<update_reply>(replaced, insert(11, {11, 1000})).version, 11u);
}

TEST_F(following, an_old_and_whole_replica_is_searched_until_the_other_is_here) {
  peers = std::make_shared<scripted_peers>();
  const auto a = spawn_replica("a"), b = spawn_replica("b");
  const auto index = made(a, "main");
  get<update_reply>(index, insert(1, {1, 1000}));
  soon();
  stop(b);
  for (document_id id = 2; id <= 9; id++) get<update_reply>(index, insert(id, {id, 1000}));
  model_changelog(log).truncate({"main", 1}, 8, {});
  const auto again = spawn_replica("b");
  for (int i = 0; i < 10; i++) soon();
  const auto old = resolve(again, "main");
  EXPECT_EQ(found(old, 1000).size(), 1u);
  EXPECT_EQ(status(old).replica.state, "waiting");
  EXPECT_NE(status(old).replica.reason.find("no peers"), std::string::npos) << status(old).replica.reason;
  peers->peers = {peer_of(a, "http://a", "main")};
  for (int i = 0; i < 20; i++) soon();
  EXPECT_EQ(found(resolve(again, "main"), 1000).size(), 9u);
}

TEST_F(following, an_empty_replica_of_a_long_changelog_takes_anothers) {
  peers = std::make_shared<scripted_peers>();
  const auto a = spawn_replica("a");
  const auto index = made(a, "main");
  changes_encoder many;
  for (document_id id = 1; id <= 3'000; id++) many.insert(id, std::vector<hash_value>{id, 1000});
  get<update_reply>(index, update_request{many.take(), caf::none, 0});
  peers->peers = {peer_of(a, "http://a", "main")};
  log->num_calls.clear();
  const auto b = spawn_replica("b");
  for (int i = 0; i < 5; i++) soon();
  const auto filled = resolve(b, "main");
  EXPECT_EQ(status(filled).version, 3'000u);
  EXPECT_EQ(found(filled, 1000).size(), 3'000u);
  EXPECT_EQ(status(filled).state, index_state::ready);
  EXPECT_LE(log->num_calls["read"], 3);
}

TEST_F(following, a_donor_that_breaks_is_replaced_by_the_next_one) {
  peers = std::make_shared<scripted_peers>();
  const auto a = spawn_replica("a");
  const auto index = made(a, "main");
  changes_encoder many;
  for (document_id id = 1; id <= 3'000; id++) many.insert(id, std::vector<hash_value>{id, 1000});
  get<update_reply>(index, update_request{many.take(), caf::none, 0});
  const auto good = peer_of(a, "http://good", "main");
  auto cut = good, flipped = good, other = good, silent = good;
  cut.report.url = "http://cut";
  cut.breaks_at = cut.backup.size() / 2;
  flipped.report.url = "http://flipped";
  flipped.backup[flipped.backup.size() / 2] ^= std::byte{1};
  other.report.url = "http://other";
  other.report.generation = 2;
  silent.report.url = "http://silent";
  silent.report.failure = "no answer in time";
  peers->peers = {silent, other, cut, flipped, good};
  const auto b = spawn_replica("b");
  for (int i = 0; i < 10; i++) soon();
  EXPECT_EQ(peers->opened.back(), "http://good") << log_text();
  const std::set<std::string> asked(peers->opened.begin(), peers->opened.end());
  EXPECT_EQ(asked, (std::set<std::string>{"http://cut", "http://flipped", "http://good"}));
  EXPECT_EQ(found(resolve(b, "main"), 1000).size(), 3'000u);
}

TEST_F(following, where_no_peer_helps_an_empty_replica_reads_all_of_the_changelog) {
  peers = std::make_shared<scripted_peers>();
  const auto a = spawn_replica("a");
  const auto index = made(a, "main");
  changes_encoder many;
  for (document_id id = 1; id <= 3'000; id++) many.insert(id, std::vector<hash_value>{id, 1000});
  get<update_reply>(index, update_request{many.take(), caf::none, 0});
  const auto b = spawn_replica("b");
  for (int i = 0; i < 10; i++) soon();
  EXPECT_EQ(found(resolve(b, "main"), 1000).size(), 3'000u);
}

TEST_F(following, where_a_changelog_begins_later_its_own_stream_fills_a_replica) {
  log->meta = {{1, meta_operation::kind::create, "main"}};
  log->lineages[{"main", 1}].floor = 50;
  model_log::bootstrap all;
  all.position = 60;
  for (document_id first = 1; first <= 2'000; first += 500) {
    changes_encoder part;
    for (document_id id = first; id < first + 500; id++) part.insert(id, std::vector<hash_value>{id, 1000});
    part.set_metadata("part", std::to_string(first));
    all.parts.push_back(part.take());
  }
  all.is_cut = true;
  log->bootstraps[{"main", 1}] = all;
  for (feed_position p = 51; p <= 70; p++) {
    changes_encoder one;
    one.insert(static_cast<document_id>(p), std::vector<hash_value>{static_cast<hash_value>(p), 1000});
    log->lineages[{"main", 1}].entries.push_back({p, one.take(), p});
  }
  has_stream = true;
  const auto a = spawn_replica("a");
  for (int i = 0; i < 10; i++) soon();
  EXPECT_EQ(status(resolve(a, "main")).state, index_state::loading) << "half of it is nothing";
  EXPECT_NE(status(resolve(a, "main")).reason.find("cut short"), std::string::npos)
      << status(resolve(a, "main")).reason;
  log->bootstraps[{"main", 1}].is_cut = false;
  for (int i = 0; i < 20; i++) soon();
  const auto index = resolve(a, "main");
  EXPECT_EQ(status(index).state, index_state::ready) << status(index).reason;
  EXPECT_EQ(status(index).version, 70u);
  EXPECT_EQ(found(index, 1000).size(), 2'000u);
  EXPECT_EQ(get<update_reply>(index, insert(3'000, {1})).version, 71u);
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "a" / ".bootstrap.tmp" / "main"));
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
  for (int i = 0; i < 50; i++) advance(std::chrono::milliseconds(200));
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
