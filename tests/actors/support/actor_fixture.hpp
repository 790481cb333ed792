#pragma once

#include <gtest/gtest.h>

#include <caf/all.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "actors/environment.hpp"
#include "actors/index_coordinator.hpp"
#include "actors/loader_budget.hpp"
#include "actors/node_actor.hpp"
#include "messages/types.hpp"
#include "tests/actors/support/kill.hpp"
#include "tests/actors/support/state_in.hpp"
#include "tests/actors/support/test_system_config.hpp"
#include "tests/actors/support/untyped_request.hpp"
#include "tests/core/support/commits.hpp"
#include "tests/core/support/faulty_file_system.hpp"
#include "tests/core/support/temporary_folder.hpp"

namespace fp::test {

/// What came back for a request: nothing yet, a reply, or an error.
template <class Reply>
class answer {
 public:
  bool arrived() const { return slot_->has_value(); }
  bool succeeded() const { return arrived() && static_cast<bool>(**slot_); }
  /// The reply; fails the test when there is none.
  Reply value() const {
    if (succeeded()) return ***slot_;
    ADD_FAILURE() << (arrived() ? "failed: " + text() : "no answer");
    return {};
  }
  /// The code of the error; nothing without one.
  std::optional<errc> code() const {
    if (!arrived() || succeeded()) return std::nullopt;
    return code_of((*slot_)->error());
  }
  std::string text() const { return arrived() && !succeeded() ? text_of((*slot_)->error()) : ""; }

  void set(caf::expected<Reply> outcome) const { slot_->emplace(std::move(outcome)); }

 private:
  std::shared_ptr<std::optional<caf::expected<Reply>>> slot_ =
      std::make_shared<std::optional<caf::expected<Reply>>>();
};

/// Actors on a scheduler that runs them one message batch at a time, when told to, and on a clock that moves only
/// when told to; a data folder of their own; file operations that can be made to fail.
class actor_fixture : public ::testing::Test {
 protected:
  actor_fixture();
  ~actor_fixture() override;

  // -- Time
  /// Runs actors until none has anything to do.
  void run();
  /// Runs one ready actor; false when there is none.
  bool step() { return scheduler().try_run_once(); }
  void advance(caf::timespan by);
  caf::scheduler::test_coordinator& scheduler();

  // -- Asking
  /// Sends a request at once; the answer arrives when the actors have run.
  template <class Reply, class Handle, class... Ts>
  answer<Reply> ask(const Handle& to, Ts... message) {
    answer<Reply> result;
    send_now(caf::actor_cast<caf::strong_actor_ptr>(to), caf::make_message(std::move(message)...),
             answered<Reply>([result](const caf::expected<Reply>& r) { result.set(r); }));
    return result;
  }
  /// Sends a request, runs, and returns the reply; fails the test when there is none.
  template <class Reply, class Handle, class... Ts>
  Reply get(const Handle& to, Ts... message) {
    const auto result = ask<Reply>(to, message...);
    run();
    return result.value();
  }

  // -- Indexes
  /// A new environment from `settings` and `spawn_loader`.
  environment_ptr make_env();
  /// Creates an index whose segments hold one commit each; commit i inserts document i with hashes {i, 1000}.
  index_record prepare_index(const std::string& name, size_t num_segments);
  /// Spawns a coordinator below a listener that writes down what it hears.
  index_coordinator_handle spawn_index(const index_record& record, caf::error start_failed = {});
  /// Spawns a coordinator and runs until it is ready.
  index_coordinator_handle ready_index(const index_record& record);
  /// Spawns a node on the data folder.
  node_actor_handle spawn_node();
  /// Spawns a node and runs until it has nothing to do.
  node_actor_handle running_node() {
    const auto n = spawn_node();
    run();
    return n;
  }
  index_handle resolve(const node_handle& n, const std::string& name) {
    return get<index_handle>(n, resolve_atom_v, name);
  }
  index_folders folders(const index_record& record) const { return folders_of(settings.dir, record); }

  index_status status(const index_handle& index) { return get<index_status>(index, status_atom_v); }
  /// What an actor that keeps a `State` keeps.
  template <class State, class Handle>
  static State& state_in(const Handle& who) {
    return test::state_in<State>(who);
  }
  static index_coordinator_state& state_of(const index_coordinator_handle& index) {
    auto& state = state_in<index_coordinator_state>(index);
    // A test that calls it does so outside of any worker, and the last one's is gone.
    if (state.self != nullptr) state.self->context(nullptr);
    return state;
  }
  static node_state& state_of_node(const node_actor_handle& n) { return state_in<node_state>(n); }
  /// Ends one of an index's actors the hard way.
  void kill_child(const index_coordinator_handle& index, const std::string& role);
  template <class Handle>
  void kill(const Handle& who) {
    test::kill(system(), who);
  }
  void close(const index_coordinator_handle& index);
  /// Permits that the loader budget has given out.
  uint32_t loaders_running();

  // -- Requests
  static update_request insert(document_id id, std::vector<hash_value> hashes);
  static update_request erase(document_id id);
  static search_request query(std::vector<hash_value> hashes);
  answer<update_reply> write(const index_handle& index, document_id id) {
    return ask<update_reply>(index, insert(id, {id, 1000}));
  }
  /// Ids found by a search for one hash, in the order of the results; fails the test when the search fails.
  std::vector<document_id> found(const index_handle& index, hash_value hash);

  /// Observes load progress.
  struct observer {
    progress_observer handle;
    std::shared_ptr<std::vector<load_progress>> seen = std::make_shared<std::vector<load_progress>>();
  };
  observer make_observer();

  caf::actor_system& system() { return *system_; }
  std::string log_text() const { return log_stream_.str(); }

  temporary_folder folder;
  faulty_file_system fs{posix_file_system()};
  std::function<disk_space(const path&)> space = space_of;
  config settings;
  std::shared_ptr<live_settings> live;  ///< null: the settings do not change
  std::function<segment_loader_handle(caf::scheduled_actor*, loader_setup)> spawn_loader;
  std::chrono::microseconds own_search_budget{std::chrono::hours(1)};
  /// Pages that searches have waited for a disk for.
  std::function<uint64_t()> disk_reads = [] { return 0; };
  loader_budget_handle budget;
  std::vector<index_state_changed> heard;  ///< by the coordinators' listener

 private:
  void send_now(const caf::strong_actor_ptr& to, caf::message content, caf::behavior answered);

  std::ostringstream log_stream_;
  std::shared_ptr<spdlog::logger> log_;
  test_system_config config_{true};
  std::unique_ptr<caf::actor_system> system_;
  std::vector<caf::strong_actor_ptr> spawned_;
  node_listener listener_;
};

/// How many file descriptors this process has open.
size_t num_open_files();

}  // namespace fp::test
