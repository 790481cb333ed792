#pragma once

#include <caf/all.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "core/base/error.hpp"
#include "core/config/config.hpp"
#include "core/index/snapshot.hpp"
#include "messages/internal.hpp"
#include "tests/actors/support/lasting_client.hpp"
#include "tests/actors/support/untyped_request.hpp"
#include "tests/core/support/commits.hpp"
#include "tests/core/support/faulty_file_system.hpp"

namespace fp::test {

class acting_system;

struct acting_options {
  /// Folder and threads are the node's to choose.
  config settings = {};
  /// Which of the actors that have a message is next. 0: the one that has had it longest. Else drawn, and they also
  /// take turns in the middle of what one of them does with a file.
  uint64_t seed = 0;
  /// Logs and manifests that may be open: with one, logs take turns.
  size_t num_open_files = 1;
  /// The version that follows one. Null: the next number.
  std::function<commit_id(commit_id)> next_version = {};
  /// Whether the node has come to rest when it is made.
  bool starts_at_rest = true;
};

/// Small log files, and no upkeep but on request.
config settings_at_rest();

/// A version as it may follow another one in an index whose versions jump: the next number, or some or many numbers
/// away, always the same.
commit_id jump_behind(commit_id version);

/// A real node, `node_actor` and all below it, on a file system of a test, in an actor system of its own that runs
/// only when told to. Serves one client, who hears of every answer before any other actor runs on. What throws
/// throws what the client is told.
class acting_node {
 public:
  /// What a node tells of an index.
  struct index {
    uint64_t generation = 0;
    index_folders folders;
    index_state state = index_state::loading;
    std::string reason;    ///< of the state
    std::string failure;   ///< why nothing is served; empty when something is
    snapshot_ptr current;  ///< null: nothing is served
  };

  /// Takes the data folder and loads every index in it.
  acting_node(file_system& fs, const path& root, acting_options options = {.settings = settings_at_rest()});
  /// Kills what has not been closed.
  ~acting_node();
  acting_node(const acting_node&) = delete;
  acting_node& operator=(const acting_node&) = delete;

  // -- Time
  /// Runs one actor that has a message; false when none has.
  bool step();
  void run();
  void advance(std::chrono::milliseconds by);

  // -- Asking
  template <class Reply>
  using then = std::function<void(const caf::expected<Reply>&)>;
  /// Sends a request; `heard` is called with the answer, once the actors have run so far.
  template <class Reply, class Handle, class... Ts>
  void ask(const Handle& to, then<Reply> heard, Ts... message) {
    const auto recipient = caf::actor_cast<caf::strong_actor_ptr>(to);
    const auto content = caf::make_message(std::move(message)...);
    send(client_call{
        [=](caf::event_based_actor* self) { request_untyped(self, recipient, content, answered<Reply>(heard)); }});
  }
  /// Sends a request and steps until it is answered.
  template <class Reply, class Handle, class... Ts>
  Reply get(const Handle& to, Ts... message) {
    const auto slot = std::make_shared<std::optional<caf::expected<Reply>>>();
    ask<Reply>(
        to, [slot](const caf::expected<Reply>& r) { slot->emplace(r); }, message...);
    while (!*slot) {
      if (!step()) throw error(errc::internal_error, "nobody answers a request");
    }
    const caf::expected<Reply>& outcome = **slot;
    if (!outcome) throw error(code_of(outcome.error()), text_of(outcome.error()));
    return *outcome;
  }
  /// Sends a request to an index as it is called.
  template <class Reply, class... Ts>
  void ask_index(const std::string& name, then<Reply> heard, Ts... message) {
    const auto go_on = [=, this](const caf::expected<index_handle>& found) {
      if (found) {
        ask<Reply>(caf::actor_cast<local_index_handle>(*found), heard, message...);
      } else {
        heard(found.error());
      }
    };
    ask<index_handle>(node_, go_on, resolve_atom_v, name);
  }
  local_index_handle resolve(const std::string& name) {
    return caf::actor_cast<local_index_handle>(get<index_handle>(node_, resolve_atom_v, name));
  }
  const node_handle& handle() const { return node_; }

  // -- One thing after the other, each until nothing is left to do
  void create(const std::string& name);
  void erase(const std::string& name);
  /// Sends updates at once; each must become the commit that it is.
  void update(const std::string& name, const std::vector<commit>& commits);
  void checkpoint(const std::string& name);
  /// All that is served becomes as few files as the settings allow.
  void merge(const std::string& name);
  void reload(const std::string& name);
  /// Ends the node in order. Nothing may follow.
  void close();
  /// Drops everything in memory, as the end of the process does: nothing more is written. Nothing may follow.
  void kill();

  // -- Backups, stepping until they are done
  struct backup_bytes {
    commit_id version = 0;
    std::vector<uint8_t> bytes;
  };
  backup_bytes backup(const std::string& name);
  /// A new index from the bytes of a backup.
  void restore(const std::string& name, std::vector<uint8_t> backup);

  // -- Looking
  /// All indexes, when nothing is left to do.
  std::map<std::string, index> indexes();
  index at(const std::string& name);
  bool has(const std::string& name) { return indexes().contains(name); }
  /// Whether the node has ended by itself, as it does without its data folder.
  bool is_down() const { return *down_; }
  /// Whether an index's log may hold commits that are not served and were never acknowledged.
  bool may_hold_failed(const std::string& name) const;
  /// Warnings and errors of the node.
  std::string log_text() const { return log_.str(); }

 private:
  void send(client_call call);
  void run_client();
  void interleave(const faulty_file_system::record& next);
  void end();

  path root_;
  acting_options options_;
  std::mt19937_64 random_;
  faulty_file_system fs_;  ///< fails everything once the node is killed
  std::ostringstream log_;
  std::unique_ptr<acting_system> system_;
  caf::actor client_;
  node_handle node_;
  bool client_runs_ = false, interleaves_ = false;
  std::shared_ptr<bool> down_ = std::make_shared<bool>(false);
};

}  // namespace fp::test
