#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "core/metrics/index_metrics.hpp"

namespace fp {

/// An index's last minutes, oldest first, one entry a step. Without searches in a step there are no percentiles.
struct index_history {
  double step_seconds = 0;
  std::vector<double> searches, updates;  ///< per second
  std::vector<std::optional<double>> search_p50_ms, search_p95_ms, search_p99_ms;
};

/// Keeps the last steps of one index: rates and percentiles of what happened between two samples of its counters.
class activity_history {
 public:
  activity_history(double step_seconds, size_t max_steps, index_metrics::activity start)
      : step_seconds_(step_seconds), max_steps_(max_steps), last_(std::move(start)) {}

  /// Ends a step that took `seconds`.
  void add(index_metrics::activity so_far, double seconds);
  index_history read() const;

 private:
  struct step {
    double searches = 0, updates = 0;
    std::optional<double> p50_ms, p95_ms, p99_ms;
  };

  const double step_seconds_;
  const size_t max_steps_;
  index_metrics::activity last_;
  std::deque<step> steps_;
};

}  // namespace fp
