#pragma once

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <set>

#include "actors/environment.hpp"
#include "actors/folder_gate.hpp"
#include "actors/guarded_actor.hpp"
#include "actors/load_tracker.hpp"
#include "actors/searcher_actor.hpp"
#include "core/commit/commit_order.hpp"
#include "core/upkeep/upkeep_planner.hpp"

namespace fp {

struct coordinator_setup {
  environment_ptr env;
  index_record record;
  index_folders folders;
  loader_budget_handle budget;
  node_listener listener;
  std::shared_ptr<folder_gate> gate;
  /// Start as failed, with this reason, until somebody asks for a reload.
  caf::error start_failed;
  backup_desk_handle backups = {};
};

/// Owns an index: its snapshot, its state, and the actors that work for it.
///
///     loading    manifest_actor + segment_loaders -> load_plan, segment_loaded... -> oplog_actor -> oplog_opened
///     searching  client -> here -> client, or client -> here -> searcher -> client
///     writing    client -> here -> oplog_actor and segment_builder, side by side -> here -> client
///     upkeep     here -> checkpoint_actor / merge_actor -> here -> manifest_actor -> here
///
/// Nothing here blocks. The snapshot is replaced, never changed; only this actor replaces it. Messages of an
/// earlier attempt to load carry its number and are dropped.
struct index_coordinator_state {
  static inline const char* name = "index_coordinator";

  using pointer = guarded_pointer<index_coordinator_handle, index_coordinator_state>;
  using clock_time = caf::actor_clock::time_point;

  // -- Life cycle (index_coordinator.cpp)
  index_coordinator_state() = default;
  /// However the actor ends: whoever still waits for an answer gets one, and whoever still works is told to stop.
  ~index_coordinator_state();
  void init(pointer self_ptr, coordinator_setup setup_values);
  void set_state(index_state next, std::string why);
  /// Tells the metrics how many requests wait, and for what.
  void note_queues();
  void child_down(const caf::down_msg& down);
  /// What is searched from now on, and its files by themselves.
  void serve_snapshot(snapshot_ptr next, snapshot_ptr next_files);
  void serve_nothing();
  /// Makes the actors that work for a loaded index, or those of them that have died.
  void spawn_workers();
  bool has_child(std::string_view role) const;
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

  // -- Requests that need a loaded index (index_coordinator.cpp)
  using serve_function = std::function<void()>;
  using refuse_function = std::function<void(caf::error)>;
  struct waiting_request {
    serve_function serve;
    refuse_function refuse;
  };
  bool is_serving() const { return state == index_state::ready || state == index_state::read_only; }
  caf::error not_ready_error() const;
  /// Serves a request now, later, or never: at once when the index serves, after loading when the request may wait
  /// that long, else with the error that says why not.
  template <class Reply, class F>
  caf::typed_response_promise<Reply> when_ready(uint32_t wait_ms, F serve) {
    auto promise = self->make_response_promise<Reply>();
    if (is_serving()) {
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
  void wait_for_ready(uint32_t wait_ms, waiting_request request);
  void answer_waiting();
  void refuse_waiting(const caf::error& reason);
  void expire(uint64_t ticket);

  void stream_backup(caf::typed_response_promise<snapshot_reply>& promise, bool may_expire);
  index_status status() const;
  index_info info() const;
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
                   steady_clock::time_point received, steady_clock::time_point deadline, const cancel_flag* cancel);
  uint32_t queued_searches() const;
  void document(caf::typed_response_promise<document_reply>& promise, const document_request& request);
  /// Whether reading the snapshot here may wait for a disk.
  bool may_be_cold() const { return maps_files && !warm->is_warm(); }

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
  /// Serves nothing until somebody asks for a reload.
  void fail(const std::string& why);
  caf::result<index_status> reload();
  caf::result<load_progress> subscribe(const progress_observer& observer);
  void tell_observers();
  bool is_current(uint64_t attempt) const { return state == index_state::loading && tracker.attempt() == attempt; }

  // -- Scrubbing (coordinator_maintenance.cpp)
  caf::result<scrub_target> scrub() const;
  bool serves_file_of(const segment_info& segment) const;
  void on_scrubbed(const segment_scrubbed& scrubbed);
  void note_damage(const segment_info& segment, const char* finder, const std::string& text);
  /// Drops findings of segments that are served no longer.
  void forget_damage();

  // -- Writing (coordinator_writing.cpp)
  struct pending_update {
    changes_ptr changes;
    caf::optional<uint64_t> expected_version;
    caf::typed_response_promise<update_reply> promise;
    steady_clock::time_point received = steady_clock::now();
  };
  struct batch_in_flight {
    uint64_t number = 0;
    commit_batch_ptr commits;
    std::vector<pending_update> updates;
    std::vector<std::pair<caf::typed_response_promise<update_reply>, caf::error>> refused;
    segment_ptr segment;
    bool durable = false;
  };
  void update(caf::typed_response_promise<update_reply>& promise, update_request request);
  void enqueue_update(caf::typed_response_promise<update_reply>& promise, const local_update& update);
  void start_batch();
  void batch_step();
  /// Answers a batch's writers with an error; what the log and the builder say of it later is ignored.
  void give_up_batch(const caf::error& why);
  /// Nothing of the batch counts; the index serves searches only until a write succeeds again.
  void fail_batch(const caf::error& cause);
  /// Finds out whether the log of a read-only index can be written to again.
  void probe_log();
  /// No write can succeed before a reload.
  void block_writes(const std::string& why);
  /// Why nothing may be written while memory is full and cannot be written out.
  caf::error memory_error() const;
  /// Makes the state agree with what holds writes, or no longer does.
  void update_write_state();
  void refuse_pending(const caf::error& why);
  void set_oplog_bytes(uint64_t bytes);

  // -- Checkpoints and merges (coordinator_maintenance.cpp)
  struct maintenance_job {
    uint64_t number = 0;
    upkeep_kind kind = upkeep_kind::checkpoint;
    steady_clock::time_point started = steady_clock::now();
    std::vector<segment_ptr> inputs;
    std::string file_name;  ///< of the result; empty: a memory segment
    segment_ptr merged;
  };
  using job_slot = std::unique_ptr<maintenance_job>;
  using maintenance_promise = caf::typed_response_promise<maintenance_reply>;
  /// How long the log rests after a failure before it is tried again.
  static constexpr auto retry_delay = retry::first_delay;
  job_slot& slot_of(upkeep_kind kind) { return job_slots[static_cast<size_t>(kind)]; }
  const job_slot& slot_of(upkeep_kind kind) const { return job_slots[static_cast<size_t>(kind)]; }
  void schedule_maintenance();
  /// Whether the manifest actor is there to commit what upkeep makes, and has finished sweeping.
  bool can_store() const { return manifests && !sweeping; }
  void start_job(const upkeep_job& job);
  void job_done(job_slot& slot, const segment_ptr& merged);
  /// Lets go of segments that are searched no more, outside of this actor.
  void retire(std::vector<segment_ptr> segments);
  void job_failed(job_slot& slot, const caf::error& why, const std::vector<damaged_input>& damaged);
  void store_next_manifest();
  void manifest_stored(job_slot& slot);
  /// Serves the result of a job in the place of its inputs.
  void replace_inputs(const maintenance_job& done);
  void truncate_log();
  void forget_job(job_slot& slot);
  void forget_jobs();
  void request_checkpoint(maintenance_promise promise);
  void request_merge(maintenance_promise promise);
  void answer_maintenance();
  /// Whoever waits for a checkpoint or merge hears that there is none.
  void refuse_maintenance(const caf::error& why);
  maintenance_reply maintenance_state() const;
  void arm_timer();
  void after_tick();

  pointer self = nullptr;
  coordinator_setup setup;
  const environment* env = nullptr;
  index_metrics_ptr metrics;

  index_state state = index_state::loading;
  std::string reason;  ///< of `failed` and `read_only`
  snapshot_ptr current = std::make_shared<const snapshot>();
  /// The file segments of `current` by themselves. A file must be whole by itself: what only memory segments
  /// rewrite or delete stays in it, in case their log is lost. So that is what files are merged from.
  snapshot_ptr files = current;
  std::vector<upkeep_segment> served;  ///< `current` as upkeep sees it, files by themselves

  // Loading.
  load_tracker tracker;
  uint64_t attempts = 0;
  cancel_flag_ptr load_cancel;
  std::set<progress_observer> observers;
  std::map<uint64_t, waiting_request> waiting;
  uint64_t next_ticket = 1;
  bool reload_wanted = false;
  /// Held by whoever uses the folder, as long as it does: this actor and its children.
  folder_lease_ptr folder;
  bool awaits_folder = false;

  // The actors that work for this index, with the roles that errors call them by.
  std::map<caf::actor_addr, std::string> children;
  bool ending_children = false;
  manifest_handle manifests;
  oplog_handle log;
  segment_builder_handle builder;
  merge_handle checkpointer, memory_merger, file_merger;
  std::vector<searcher_slot> searchers;
  std::optional<search_runner> runner;  ///< of searches that are not handed over
  warmth_ptr warm = std::make_shared<warmth>();
  bool maps_files = false;                 ///< the snapshot has segments that lie in the page cache
  uint32_t searches_to_hand_over = 0;      ///< however short they may be
  uint32_t searches_after_a_long_one = 0;  ///< that are to be handed over

  // Writing: at most one batch is on its way to the disk while the next one gathers.
  std::deque<pending_update> pending;
  uint64_t pending_bytes = 0;
  std::unique_ptr<batch_in_flight> batch;
  uint64_t batches = 0;
  uint64_t oplog_bytes = 0;
  caf::error write_block;
  bool log_fails = false;  ///< it refused the last write, and may recover
  bool probing = false;
  caf::optional<clock_time> probe_at;

  // Maintenance: at most one job of each kind at a time, one manifest write at a time.
  std::optional<upkeep_planner> planner;
  std::unique_ptr<commit_order> order;
  cancel_flag_ptr maintenance_cancel;
  std::array<job_slot, 3> job_slots;
  uint64_t jobs = 0;
  std::deque<job_slot*> unstored;
  bool storing = false, sweeping = false;
  caf::optional<clock_time> timer_at;
  std::vector<maintenance_promise> checkpoint_promises;
  std::multimap<uint64_t, maintenance_promise> merge_promises;  ///< by the planner's rounds

  // What scrubs and merges have found wrong with which of the served segments, oldest first.
  struct finding {
    segment_info segment;
    std::string text;
  };
  std::map<segment_start, finding> damage;

  // Closing.
  caf::typed_response_promise<done_atom> close_promise;
  bool log_closing = false;

  struct {
    uint64_t searches = 0, updates = 0, checkpoints = 0, memory_merges = 0, file_merges = 0;
  } counters;
};

index_coordinator_handle::behavior_type index_coordinator(index_coordinator_state::pointer self,
                                                          coordinator_setup setup);

}  // namespace fp
