#pragma once

#include "actors/environment.hpp"

namespace fp {

/// Writes a node's metrics as text. Detached: with hundreds of indexes that takes tens of milliseconds, which
/// belong neither to a thread that serves clients nor to a worker.
metrics_handle::behavior_type metrics_actor(metrics_handle::pointer self,
                                            std::shared_ptr<const node_metrics> metrics);

}  // namespace fp
