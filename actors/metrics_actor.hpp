#pragma once

#include "actors/environment.hpp"
#include "actors/worker_pool.hpp"

namespace fp {

/// Writes a node's metrics as text. Pooled: with hundreds of indexes that takes tens of milliseconds, which
/// belong neither to a thread that serves clients nor to a worker.
metrics_handle::behavior_type metrics_actor(pooled_actor<metrics_handle::base>* self,
                                            std::shared_ptr<const node_metrics> metrics);

}  // namespace fp
