#pragma once

#include <deque>
#include <set>

#include "actors/environment.hpp"
#include "actors/worker_pool.hpp"

namespace fp {

struct manifest_setup {
  environment_ptr env;
  std::string index;
  uint64_t attempt = 0;
  path data;
  load_listener listener;
  loader_budget_handle budget;
  cancel_flag_ptr cancel;
  folder_lease_ptr lease;
};

/// Reads the manifest, chooses how to load what it names, and feeds a bounded pool of loaders:
///
///     index_coordinator <--load_plan / load_failed-- manifest_actor --acquire--> loader_budget
///                                                        | spawns a loader per permit
///                                                   segment_loader x N  (pull: next -> load_task / stop)
///
/// After loading it stays as the one writer of the manifest: checkpoints and merges are committed through it.
struct manifest_state {
  static inline const char* name = "manifest_actor";

  pooled_pointer<manifest_handle, manifest_state> self;
  manifest_setup setup;
  manifest current;
  std::deque<load_task> tasks;
  std::set<caf::actor_addr> loaders;
  bool stopping = false;

  void start();
  load_strategy choose_strategy(size_t num_segments) const;
  void add_loader();
  void feed(const segment_loader_handle& loader);
  void loader_down(const caf::down_msg& down);
  void stop();
  caf::result<done_atom> store(const manifest_ptr& next, const file_names_ptr& obsolete);
  void sweep();
};

manifest_handle::behavior_type manifest_actor(pooled_pointer<manifest_handle, manifest_state> self,
                                              manifest_setup setup);

}  // namespace fp
