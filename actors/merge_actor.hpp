#pragma once

#include "actors/environment.hpp"
#include "actors/worker_pool.hpp"

namespace fp {

/// Merges neighbouring segments, into memory or into a file, one job at a time. The caller publishes the result. A
/// file is not begun when it might take the room that a checkpoint or the log needs.
struct merge_state {
  static inline const char* name = "merge_actor";

  environment_ptr env;
  folder_lease_ptr lease;

  merge_outcome merge(const merge_job& job) const;
};

merge_handle::behavior_type merge_actor(pooled_pointer<merge_handle, merge_state> self, environment_ptr env,
                                        folder_lease_ptr lease);

}  // namespace fp
