#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/changelog_actor.hpp"
#include "actors/feed_watch.hpp"
#include "tests/actors/support/actor_fixture.hpp"
#include "tests/core/support/model_changelog.hpp"

namespace fp::test {

/// Nodes with data folders of their own, which follow one changelog in memory.
class following_fixture : public actor_fixture {
 protected:
  following_fixture() { settings.cluster.coordinator = true; }

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
    feed.make_peers = make_peers;
    feed.make_changelog = make_changelog;
    auto data = std::make_shared<data_folder>(fs, path(settings.dir));
    settings.dir = before;
    const auto node = system().spawn(node_actor, node_setup{env, std::move(data), "test", {}, feed, cluster});
    nodes_.push_back(node);
    run();
    return node;
  }
  ~following_fixture() override {
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
  void fail(const std::string& call, changelog_status status) {
    log->fault = [call, status](const std::string& asked) {
      return asked == call ? changelog_answer{status, call + " fails"} : changelog_answer{};
    };
  }
  update_request expecting(document_id id, commit_id version) {
    auto request = insert(id, {id, 1000});
    request.expected_version = version;
    return request;
  }

  std::shared_ptr<model_log> log = std::make_shared<model_log>();
  bool has_watch = true;
  cluster_access cluster;  ///< of the next node
  /// As of `feed_access`.
  std::function<std::shared_ptr<base_source>()> make_peers;
  std::function<std::shared_ptr<changelog>()> make_changelog;

 private:
  std::vector<node_actor_handle> nodes_;
};

}  // namespace fp::test
