#pragma once

#include "actors/blocking_pools.hpp"
#include "core/metrics/node_metrics.hpp"
#include "messages/internal.hpp"

namespace fp {

/// The actors that tell what a node measures: as text, and over time. They are there for whoever asks, and end with
/// the object.
class measuring_actors {
 public:
  /// Without `pools` the text is written by the scheduler.
  measuring_actors(caf::actor_system& system, const std::shared_ptr<const node_metrics>& metrics,
                   const blocking_pools* pools = nullptr);
  ~measuring_actors();
  measuring_actors(const measuring_actors&) = delete;
  measuring_actors& operator=(const measuring_actors&) = delete;

  const metrics_handle& text() const noexcept { return text_; }
  const history_handle& history() const noexcept { return history_; }

 private:
  metrics_handle text_;
  history_handle history_;
};

}  // namespace fp
