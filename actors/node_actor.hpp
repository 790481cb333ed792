#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "actors/cluster_access.hpp"
#include "actors/environment.hpp"
#include "actors/feed_access.hpp"
#include "actors/folder_gate.hpp"
#include "actors/guarded_actor.hpp"

namespace fp {

struct node_setup {
  environment_ptr env;
  std::shared_ptr<data_folder> folder;
  std::string version;          ///< of the program, for status
  node_watcher watcher = {};    ///< optional; only who spawns the node can watch it
  feed_access feed = {};        ///< the changelog that its indexes follow; they end with the node
  cluster_access cluster = {};  ///< the other members; they end with the node
};

/// The public face of a node: creates, deletes, lists and resolves indexes, and answers status.
///
///     remote actor --create / delete / list / resolve / restore / status / shutdown--> node_actor
///                                     node_actor --> catalog_actor (folders), loader_budget
///                                     node_actor --> backup_desk: streams and restores
///                                     node_actor --> index_coordinator, one per index
///                                     node_actor --> search_router, one per index that lies in slices
///                                     node_actor --> scrub_actor: which indexes there are
///                              index_coordinator --> node_actor: the record that could not be read, at a reload
///                                     node_actor --> node_watcher: states of the indexes
///                                  meta_follower --> node_actor: replicas to make, and to delete
///
/// Creates and deletes run one after the other, so that folders and coordinators change in step. Where a changelog
/// is followed, what clients create and delete goes there first, and is answered when it has come back.
struct node_state {
  static inline const char* name = "node_actor";

  using pointer = guarded_pointer<node_actor_handle, node_state>;
  using clock_time = caf::actor_clock::time_point;

  using waiting_resolves = std::shared_ptr<std::vector<std::function<void()>>>;
  struct index_slot {
    index_record record;
    index_coordinator_handle coordinator;
    search_router_handle router;        ///< null: all of the index is here
    std::shared_ptr<folder_gate> gate;  ///< the same for a coordinator and the one that replaces it
    index_state state = index_state::loading;
    std::string reason;
    bool removing = false;
    /// While another generation takes its place, until that is loaded: who has asked for the index meanwhile.
    waiting_resolves waiting = {};
  };

  /// A promise that the node answers with an error if it ends before it knows better.
  template <class Reply>
  class kept_promise {
   public:
    explicit kept_promise(node_state& node) : node_(&node), number_(++node.num_promises) {
      promise_ = node.self->make_response_promise<Reply>();
      node.promises.emplace(number_, [promise = promise_](const caf::error& e) mutable { promise.deliver(e); });
    }
    template <class T>
    void deliver(T&& outcome) {
      if (node_->promises.erase(number_) > 0) promise_.deliver(std::forward<T>(outcome));
    }
    void settle(const caf::expected<Reply>& outcome) {
      if (outcome) {
        deliver(*outcome);
      } else {
        deliver(outcome.error());
      }
    }
    caf::result<Reply> pending() const { return promise_; }

   private:
    node_state* node_;
    uint64_t number_;
    caf::typed_response_promise<Reply> promise_;
  };

  node_state() = default;
  ~node_state();
  void init(pointer self_ptr, node_setup setup_values);
  void scan();
  void spawn_scrub();
  /// Tells whoever goes by settings of its own that they are newer ones.
  void settings_changed();
  scrubbed_indexes_ptr scrubbed_indexes() const;
  void add_index(const index_record& record, caf::error start_failed = {});
  /// Runs `then`, which gets the lease, when nobody uses the folder of an index any more.
  using lease_function = std::function<void(const folder_lease_ptr&)>;
  /// Has an index that is here in part be searched whole.
  void spawn_router(index_slot& slot);
  void when_folder_free(const std::string& index, lease_function then);
  void folder_free(const folder_lease_ptr& lease);
  void coordinator_down(const caf::down_msg& down);
  /// The index whose coordinator a message tells the end of; nothing when it is no coordinator.
  std::optional<std::string> take_end(const caf::actor_addr& coordinator);
  void state_changed(const index_state_changed& changed);
  template <class... Ts>
  void tell_watcher(const Ts&... message) {
    if (setup.watcher) self->send(setup.watcher, message...);
  }

  caf::result<create_index_reply> create(create_index_request request);
  caf::result<delete_index_reply> erase(delete_index_request request);
  // Where a changelog is followed (node_following.cpp)
  caf::result<create_index_reply> create_lineage(const create_index_request& request);
  caf::result<delete_index_reply> delete_lineage(const delete_index_request& request);
  /// Deletes an index that the changelog does not speak of, or contradicts: only here.
  void delete_here(const delete_index_request& request, kept_promise<delete_index_reply> promise);
  caf::result<resync_reply> resync(const resync_request& request);
  caf::result<done_atom> want_replica(const replica_wanted& wanted);
  void make_replica(const lineage& of, kept_promise<done_atom> promise);
  void park_replica(const replica_parked& parked);
  void feed_changed(const feed_state& state);
  /// Has a replica that is searched for the first time be searched after a restart, too, wherever it is then.
  void note_filled(index_slot& slot);
  void follow_meta_feed();
  /// Waits until a replica of the generation is here (or none of it or older any more), or for as long as a write
  /// may take.
  void when_replicated(const std::string& index, uint64_t generation, bool is_here, std::function<void()> then,
                       std::function<void(const caf::error&)> late);
  /// The same until the index is another copy than `before`, a generation of this node's own.
  void when_replaced(const std::string& index, uint64_t before, std::chrono::milliseconds timeout,
                     std::function<void()> then, std::function<void(const caf::error&)> late);
  bool is_replicated(const std::string& index, uint64_t generation, bool is_here) const;
  void look_at_replica_waits();
  void expire_replica_wait(uint64_t ticket);

  caf::result<restore_handle> restore(restore_request request);
  caf::result<done_atom> publish(const staged_index& staged);
  caf::result<index_record> find_record(const std::string& index);
  caf::result<index_handle> resolve(const std::string& index);
  caf::expected<index_handle> find_index(const std::string& index) const;
  drain_reply drain(const drain_request& request);
  caf::result<index_list> list();
  index_list known_indexes() const;
  caf::result<node_status> status();
  /// `then` runs when the answer is on its way.
  void answer_status(kept_promise<node_status> promise, std::function<void()> then);
  caf::result<node_status> shutdown();
  void close_all();

  /// Creates and deletes wait here for their turn.
  bool enqueue(std::function<void()> operation);
  void next_operation();
  /// Answers now, or as soon as the data folder is read.
  template <class Reply, class F>
  caf::result<Reply> when_scanned(F answer) {
    if (scanned) {
      auto now = answer();
      if (now) return std::move(*now);
      return now.error();
    }
    kept_promise<Reply> promise(*this);
    const auto later = [this, promise, answer]() mutable {
      promise.settle(answer());
      next_operation();
    };
    if (!enqueue(later))
      promise.deliver(make_error(errc::overloaded, "too many requests wait for the data folder to be read"));
    return promise.pending();
  }
  void do_create(const create_index_request& request, kept_promise<create_index_reply> promise);
  using erase_outcome = caf::expected<delete_index_reply>;
  using erase_answer = std::function<void(const erase_outcome&)>;
  void do_erase(const delete_index_request& request, erase_answer answer);
  void finish_erase(const std::string& index, const erased_index& erased, erase_answer answer);
  /// `lease` is held until the files are gone.
  void remove_files(const index_record& record, const folder_lease_ptr& lease, erase_answer answer);
  /// What a create or delete of an index has met. The record of one that has failed may be what is damaged.
  caf::error as_seen_by_clients(const std::string& index, const caf::error& e) const;
  void do_publish(const staged_index& staged, kept_promise<done_atom> promise);
  /// Serves the generation that is live now instead of the one that was, whose files go.
  void replace(const index_record& record, kept_promise<done_atom> promise);
  /// Serves it, and answers those who wait for it when it is loaded, or takes too long for that.
  void serve_copy(const index_record& copy, const waiting_resolves& waiting);
  void end_when_all_closed();

  pointer self = nullptr;
  node_setup setup;
  catalog_handle catalog;
  loader_budget_handle budget;
  backup_desk_handle backups;
  scrub_handle scrub;  ///< null: none is wanted
  std::map<std::string, index_slot> indexes;
  /// Which index a coordinator is or was of, until both of the messages that tell of its end have come. Ends of
  /// thousands at once must not look through all indexes each.
  struct coordinator_entry {
    std::string index;
    unsigned ends_to_come = 2;
  };
  std::map<caf::actor_addr, coordinator_entry> coordinators;
  std::map<std::string, lease_function> folder_waits;  ///< by index
  std::deque<std::function<void()>> operations;
  bool operation_running = false, scanned = false, shutting_down = false, closing_all = false;
  uint64_t num_promises = 0;
  std::map<uint64_t, std::function<void(const caf::error&)>> promises;  ///< not answered yet
  clock_time started;

  meta_follower_handle meta;  ///< null: no changelog is followed
  feed_state feed_progress;
  std::map<std::string, std::string> parked;  ///< why a name is left alone; index or none
  struct replica_wait {
    std::string index;
    std::string what;  ///< is not there when it is late
    std::function<bool()> is_over;
    std::function<void()> then;
    std::function<void(const caf::error&)> late;
  };
  void wait_for_replica(replica_wait wait, std::chrono::milliseconds timeout);
  std::map<uint64_t, replica_wait> replica_waits;
  uint64_t num_replica_waits = 0;
};

node_actor_handle::behavior_type node_actor(node_state::pointer self, node_setup setup);

}  // namespace fp
