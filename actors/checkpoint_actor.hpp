#pragma once

#include "actors/environment.hpp"
#include "actors/worker_pool.hpp"

namespace fp {

/// Writes all memory segments of a snapshot as one file segment, one checkpoint at a time. The checkpoint counts
/// once the coordinator has had the manifest name that file.
struct checkpoint_state {
  static inline const char* name = "checkpoint_actor";

  environment_ptr env;
  folder_lease_ptr lease;

  merge_outcome write(const merge_job& job) const;
};

merge_handle::behavior_type checkpoint_actor(pooled_pointer<merge_handle, checkpoint_state> self,
                                             environment_ptr env, folder_lease_ptr lease);

}  // namespace fp
