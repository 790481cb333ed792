#pragma once

#include <map>

#include "actors/environment.hpp"

namespace fp {

/// Looks at the counters of every index once a step, and remembers what happened during the last minutes:
///
///     clock --tick--> here --counters--> node_metrics
///     gateway --history_atom, index--> here --index_history--> gateway
struct history_state {
  static inline const char* name = "history";

  using pointer = history_handle::stateful_pointer<history_state>;
  using clock_time = caf::actor_clock::time_point;

  static constexpr auto step = std::chrono::seconds(2);
  static constexpr size_t max_steps = 150;

  void init(pointer self_ptr, std::shared_ptr<const node_metrics> metrics_ptr);
  void tick();
  caf::result<index_history> history_of(const std::string& index);

  pointer self = nullptr;
  std::shared_ptr<const node_metrics> metrics;

 private:
  struct watched_index {
    index_metrics_ptr metrics;
    activity_history history;
  };
  void arm();
  /// Begins with indexes that have come, forgets those that have gone or were made anew.
  void follow_indexes();

  std::map<std::string, watched_index> indexes;
  clock_time last_tick, next_tick;
};

history_handle::behavior_type history_actor(history_state::pointer self,
                                            std::shared_ptr<const node_metrics> metrics);

}  // namespace fp
