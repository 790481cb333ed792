#include "core/metrics/history.hpp"

#include <cmath>

namespace fp {

namespace {

constexpr double ns_per_ms = 1e6;

/// To three decimals: more are not worth their bytes.
double rounded(double x) { return std::round(x * 1000) / 1000; }

}  // namespace

void activity_history::add(index_metrics::activity so_far, double seconds) {
  auto durations = so_far.search_durations.buckets;
  uint64_t count = 0;
  for (size_t i = 0; i < durations.size(); i++) {
    durations[i] -= last_.search_durations.buckets[i];
    count += durations[i];
  }
  step s;
  s.searches = rounded(static_cast<double>(so_far.searches - last_.searches) / seconds);
  s.updates = rounded(static_cast<double>(so_far.updates - last_.updates) / seconds);
  if (count > 0) {
    const auto percentile = [&](double q) {
      return rounded(quantile_of(q, durations, request_durations().bounds) / ns_per_ms);
    };
    s.p50_ms = percentile(0.50);
    s.p95_ms = percentile(0.95);
    s.p99_ms = percentile(0.99);
  }
  last_ = std::move(so_far);
  steps_.push_back(s);
  if (steps_.size() > max_steps_) steps_.pop_front();
}

index_history activity_history::read() const {
  index_history out;
  out.step_seconds = step_seconds_;
  for (const auto& s : steps_) {
    out.searches.push_back(s.searches);
    out.updates.push_back(s.updates);
    out.search_p50_ms.push_back(s.p50_ms);
    out.search_p95_ms.push_back(s.p95_ms);
    out.search_p99_ms.push_back(s.p99_ms);
  }
  return out;
}

}  // namespace fp
