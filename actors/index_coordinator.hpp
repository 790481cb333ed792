#pragma once

#include <functional>
#include <map>
#include <set>
#include <unordered_map>

#include "actors/base_fetch.hpp"
#include "actors/coordinator_setup.hpp"
#include "actors/guarded_actor.hpp"
#include "actors/load_tracker.hpp"
#include "actors/searcher_actor.hpp"
#include "actors/wake_timer.hpp"
#include "core/engine/damage_list.hpp"
#include "core/engine/index_engine.hpp"
#include "messages/index_states.hpp"

namespace fp {

/// Owns an index: its state, and the actors that work for it. What is decided about writes and upkeep, an
/// `index_engine` decides; this actor keeps the promises and carries out what the engine wants.
///
///     loading    manifest_actor + segment_loaders -> load_plan, segment_loaded... -> oplog_actor -> oplog_opened
///     searching  client -> here -> client, or client -> here -> searcher -> client
///     writing    client -> here -> oplog_actor and segment_builder, side by side -> here -> client
///     upkeep     here -> checkpoint_actor / merge_actor -> here -> manifest_actor -> here
///     following  client -> here -> feed_follower -> changelog_actor; feed_follower -> here: as a write
///
/// Nothing here blocks. The snapshot is replaced, never changed; only this actor replaces it. Messages of an
/// earlier attempt to load carry its number and are dropped.
struct index_coordinator_state : engine_effects {
  static inline const char* name = "index_coordinator";

  using pointer = guarded_pointer<index_coordinator_handle, index_coordinator_state>;
  using clock_time = caf::actor_clock::time_point;

  // -- Life cycle (index_coordinator.cpp)
  index_coordinator_state() = default;
  /// However the actor ends: whoever still waits for an answer gets one, and whoever still works is told to stop.
  ~index_coordinator_state() override;
  void init(pointer self_ptr, coordinator_setup setup_values);
  void set_state(index_state next, std::string why);
  /// Tells the metrics how many requests wait, and for what.
  void note_queues();
  void child_down(const caf::down_msg& down);
  /// Tells the engine of an event, and looks at what it changed.
  template <class F>
  void tell_engine(const F& event) {
    event(*engine);
    note_queues();
    if (!version_waits.empty()) answer_version_waits();
    continue_closing();
  }
  const snapshot_ptr& current() const { return engine->served().whole(); }
  /// Makes the actors that work for a loaded index, or those of them that have died.
  void spawn_workers();
  bool has_child(std::string_view role) const;
  /// Whether a message tells of the end of a child: each does by two, in any order, since it is monitored and
  /// linked.
  bool note_end_of_child(const caf::actor_addr& address);
  template <class Handle>
  Handle adopt(Handle child, std::string role) {
    children.emplace(child.address(), std::move(role));
    return child;
  }
  /// Makes the actor for a job, unless it is there.
  merge_handle worker_for(upkeep_kind kind);
  /// Ends all actors of this index; `children_ended` goes on when the last one is down.
  void end_children();
  void children_ended();
  void close(caf::typed_response_promise<done_atom> promise);
  void continue_closing();
  clock_time now() const { return self->clock().now(); }
  const std::string& index_name() const { return setup.record.name; }
  /// What the index holds of its lineage.
  slice part() const { return setup.record.part; }

  // -- Requests that need a loaded index (coordinator_requests.cpp)
  using serve_function = std::function<void()>;
  using refuse_function = std::function<void(caf::error)>;
  struct waiting_request {
    serve_function serve;
    refuse_function refuse;
  };
  bool is_serving() const { return serves_searches(state); }
  caf::error not_ready_error() const;
  /// Serves a request now, later, or never: at once when the index serves, after loading when the request may wait
  /// that long, else with the error that says why not.
  template <class Reply, class F>
  caf::typed_response_promise<Reply> when_ready(uint32_t wait_ms, F serve) {
    return when<Reply>(is_serving(), wait_ms, std::move(serve));
  }
  /// The same for a write. What fills a replica does not keep others from adding to its changelog.
  template <class Reply, class F>
  caf::typed_response_promise<Reply> when_writable(uint32_t wait_ms, F serve) {
    return when<Reply>(is_serving() || filling, wait_ms, std::move(serve));
  }
  template <class Reply, class F>
  caf::typed_response_promise<Reply> when(bool now_possible, uint32_t wait_ms, F serve) {
    auto promise = self->make_response_promise<Reply>();
    if (now_possible) {
      // CAF gives no answer when a handler throws.
      try {
        serve(promise);
      } catch (...) {
        promise.deliver(to_caf_error(std::current_exception()));
        throw;
      }
    } else if (state == index_state::loading && wait_ms > 0) {
      wait_for_ready(wait_ms,
                     {[=]() mutable { serve(promise); }, [=](const caf::error& e) mutable { promise.deliver(e); }});
    } else {
      promise.deliver(not_ready_error());
    }
    return promise;
  }
  /// Serves a request when the index is at a version, or refuses it when that takes too long.
  template <class Promise, class F>
  void when_at(const caf::optional<uint64_t>& version, uint32_t wait_ms, Promise& promise, F serve) {
    if (!version || current()->version() >= *version) {
      serve(promise);
      return;
    }
    wait_for_version(*version, wait_ms,
                     {[=]() mutable { serve(promise); }, [=](const caf::error& e) mutable { promise.deliver(e); }});
  }
  void wait_for_version(commit_id version, uint32_t wait_ms, waiting_request request);
  /// Serves those whose version has come.
  void answer_version_waits();
  void wait_for_ready(uint32_t wait_ms, waiting_request request);
  void answer_waiting();
  void refuse_waiting(const caf::error& reason);
  void expire(uint64_t ticket);

  void stream_backup(caf::typed_response_promise<snapshot_reply>& promise, const local_snapshot_request& request,
                     bool may_expire);
  index_status status() const;
  index_info info() const;
  slice_status held_slice() const;
  /// Of an index that has a router, that one is asked.
  caf::error not_in_slices() const;
  segment_list segments() const;

  // -- Searches and look-ups (coordinator_searching.cpp)
  void search(caf::typed_response_promise<search_reply>& promise, search_request request);
  void local_search_request(caf::typed_response_promise<search_reply>& promise, const local_search& search);
  void start_search(caf::typed_response_promise<search_reply>& promise, search_request_ptr request,
                    cancel_flag_ptr cancel);
  void search_batch(caf::typed_response_promise<search_batch_reply>& promise, search_batch_request request);
  struct searcher_slot {
    searcher_handle handle;
    queue_depth depth;
  };
  searcher_slot* pick_searcher();
  /// Answers a search that is short and comes alone. Handing it over would wake another thread, which takes longer
  /// than most searches do. False: it is to be handed over.
  bool search_here(caf::typed_response_promise<search_reply>& promise, const search_request& request,
                   const cancel_flag* cancel);
  uint32_t queued_searches() const;
  /// Lets gateways search what is served, on their own threads.
  void offer_direct_search();
  void document(caf::typed_response_promise<document_reply>& promise, const document_request& request);
  /// Whether reading the snapshot here may wait for a disk.
  bool may_be_cold() const { return engine->served().maps_files() && !warm->is_warm(); }

  // -- Loading (coordinator_loading.cpp)
  /// Numbers a new attempt; `start_load` runs it.
  void begin_attempt();
  void start_load();
  void on_folder_free(const folder_lease_ptr& lease);
  void on_plan(const load_plan& plan);
  void on_segment(const segment_loaded& loaded);
  void on_advanced(const load_advanced& advanced);
  void on_load_failed(const load_failed& failed);
  void on_oplog(const oplog_opened& opened);
  void open_oplog();
  /// Removes what no manifest names.
  void sweep();
  void fail_load(const caf::error& reason);
  /// Whether a page of a served segment could not be read. Then the index has failed: nothing is served from a file
  /// that is gone, and a reload reads it anew.
  bool fail_if_unreadable();
  /// Serves nothing any more; whoever waits hears why.
  void stop_engine();
  /// The state `failed`, with its cause.
  void set_failed(const caf::error& why);
  /// Serves nothing until somebody asks for a reload.
  void fail(const caf::error& why);
  caf::result<index_status> reload();
  void begin_reload();
  /// Of an index whose record could not be read nobody knows the files: it is read first.
  caf::result<index_status> reload_with_record();
  caf::result<load_progress> subscribe(const progress_observer& observer);
  void tell_observers();
  bool is_current(uint64_t attempt) const { return state == index_state::loading && tracker.attempt() == attempt; }

  // -- Scrubbing (coordinator_scrubbing.cpp)
  caf::result<scrub_target> scrub() const;
  void on_scrubbed(const segment_scrubbed& scrubbed);
  void count_unverified();
  void note_damage(const segment_info& segment, const char* finder, const std::string& text);
  /// Drops findings of segments that are served no longer.
  void forget_damage();

  // -- Writing (coordinator_writing.cpp)
  void update(caf::typed_response_promise<update_reply>& promise, update_request request);
  void enqueue_update(caf::typed_response_promise<update_reply>& promise, const local_update& update);
  /// No write can succeed before a reload.
  void block_writes(const std::string& why);
  void set_oplog_bytes(uint64_t bytes);
  void append(uint64_t batch, const commit_batch_ptr& commits) override;
  void build(uint64_t batch, const commit_batch_ptr& commits) override;
  void probe_log() override;
  void accept(uint64_t update, commit_id version) override;
  void refuse(uint64_t update, const error& why) override;
  void hindrance_changed(const error* why) override;
  void serving_changed(bool maps_new_files) override;

  // -- Following a changelog (coordinator_following.cpp)
  /// Whether it is the copy of a lineage, which only that lineage's changes may change.
  bool is_replica() const { return setup.record.lineage != 0; }
  /// Whether its first changes are still to come. It is served when the changelog has been followed to where it
  /// was.
  bool must_fill() const { return is_replica() && setup.feed && !setup.record.filled; }
  /// All that is here is loaded: follows the changelog, or says why nothing may be written.
  void follow();
  void spawn_follower();
  void on_feed_commit(caf::typed_response_promise<update_reply>& promise, const feed_commit& changes);
  void on_replica_changed(const replica_changed& changed);
  void on_parked(const std::string& why);
  /// Why no client may write, or nothing.
  std::optional<error> write_hindrance() const;
  /// Shows the state of a loaded index.
  void show_served_state();

  // -- Taking another copy of a replica because a person wants it (coordinator_resync.cpp)
  caf::result<resync_reply> resync(const replica_resync& wanted);
  void fetch_copy();
  void on_base_progress(const base_progress& progress);
  void on_base_failed(const std::string& why);
  /// Why nobody may take this replica for a base; none: somebody may.
  caf::error no_donor_error(uint64_t for_node, const slice& wanted) const;
  replica_status replica_state_now() const;

  // -- Checkpoints and merges (coordinator_upkeep.cpp)
  using upkeep_promise = caf::typed_response_promise<upkeep_reply>;
  void request_checkpoint(upkeep_promise promise);
  void request_merge(upkeep_promise promise);
  upkeep_reply upkeep_state() const;
  void on_merge_failed(uint64_t job, const caf::error& why, const std::vector<damaged_input>& damaged);
  void after_tick();
  void merge(const merge_task& task) override;
  void store(const manifest_task& task) override;
  void truncate_log(commit_id in_files) override;
  void job_done(const running_job& job) override;
  void job_failed(const running_job& job, const error& why) override;
  void job_dropped(const running_job& job) override;
  void retire(std::vector<segment_ptr> segments) override;
  void checkpoint_ended(const error* why_not) override;
  void merge_ended(uint64_t round, const error* hindrance) override;
  void requests_refused(const error& why) override;
  void wake_at(clock_time when) override;

  pointer self = nullptr;
  coordinator_setup setup;
  const environment* env = nullptr;
  index_metrics_ptr metrics;

  index_state state = index_state::loading;
  std::string reason;                 ///< of `failed` and `read_only`
  errc cause = errc::internal_error;  ///< of `failed`
  std::optional<index_engine> engine;

  // Loading.
  load_tracker tracker;
  uint64_t attempts = 0;
  cancel_flag_ptr load_cancel;
  std::set<progress_observer> observers;
  std::map<uint64_t, waiting_request> waiting;
  struct version_wait {
    commit_id version = 0;
    waiting_request request;
  };
  std::map<uint64_t, version_wait> version_waits;  ///< by tickets, as `waiting`
  std::set<caf::actor_addr> told_once;             ///< children of whose end one of the two messages has come
  uint64_t next_ticket = 1;
  /// Held by whoever uses the folder, as long as it does: this actor and its children.
  folder_lease_ptr folder;
  bool awaits_folder = false, reload_wanted = false;

  // The actors that work for this index, with the roles that errors call them by.
  std::map<caf::actor_addr, std::string> children;
  bool ending_children = false;
  manifest_handle manifests;
  oplog_handle log;
  segment_builder_handle builder, bulk_builder;
  merge_handle checkpointer, memory_merger, file_merger;
  std::vector<searcher_slot> searchers;
  warmth_ptr warm = std::make_shared<warmth>();
  direct_search_ptr direct;

  // Writing.
  struct waiting_writer {
    caf::typed_response_promise<update_reply> promise;
    steady_clock::time_point received = steady_clock::now();
  };
  std::unordered_map<uint64_t, waiting_writer> writers;  ///< by the number that the engine knows an update by
  uint64_t num_updates = 0, oplog_bytes = 0;

  // Following.
  feed_follower_handle follower;
  bool filling = false;
  replica_report replica;
  base_progress base;  ///< of what the follower fetches
  /// Another copy that is to take this one's place.
  struct wanted_copy {
    lineage of;
    slice part;  ///< of it
    base_fetch fetch;
    base_progress progress;
    backoff delays{0};
    std::string failure;  ///< of the last try
    clock_time next_try;
  };
  std::unique_ptr<wanted_copy> copy;  ///< null: nobody wants one
  std::string parked;                 ///< why the catalog wants it left alone
  std::string log_hindrance;          ///< why its log takes no writes

  // Upkeep.
  cancel_flag_ptr upkeep_cancel;
  wake_timer timer;
  std::vector<upkeep_promise> checkpoint_promises;
  std::multimap<uint64_t, upkeep_promise> merge_promises;  ///< by the engine's rounds

  damage_list damage;  ///< of what is served
  uint32_t unverified_segments = 0;

  // Closing.
  caf::typed_response_promise<done_atom> close_promise;
  bool log_closing = false;

  uint64_t num_searches = 0;
};

index_coordinator_handle::behavior_type index_coordinator(index_coordinator_state::pointer self,
                                                          coordinator_setup setup);

}  // namespace fp
