#pragma once

#include "actors/environment.hpp"
#include "actors/worker_pool.hpp"

namespace fp {

/// Turns a batch of commits into a memory segment while the oplog actor makes the same batch durable. One
/// for small batches runs on the scheduler, which wakes nobody for it; one for large ones on threads of its own.
struct segment_builder_state {
  static inline const char* name = "segment_builder";
};

segment_builder_handle::behavior_type segment_builder(
    pooled_pointer<segment_builder_handle, segment_builder_state> self);

}  // namespace fp
