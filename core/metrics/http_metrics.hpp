#pragma once

#include <prometheus/collectable.h>

#include <memory>
#include <string_view>
#include <vector>

#include "core/metrics/primitives.hpp"

namespace fp {

/// Latencies of a gateway's requests, by method, route and status. Nothing that a client sends becomes a label:
/// routes and methods are named beforehand, and a status is a number of three digits.
class http_metrics final : public prometheus::Collectable {
 public:
  /// The names live forever.
  http_metrics(std::vector<std::string_view> methods, std::vector<std::string_view> routes);
  ~http_metrics() override;

  /// From any thread. `method` and `route` are positions in the constructor's lists.
  void answered(size_t method, size_t route, unsigned status, std::chrono::nanoseconds took);
  /// A request that never reached a route.
  void refused(unsigned status) { refused_[slot_of(status)].add(); }

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  static constexpr unsigned first_status = 100, num_statuses = 500;
  static size_t slot_of(unsigned status);

  const std::vector<std::string_view> methods_, routes_;
  /// By method, route and status; made when the first one is counted.
  std::vector<std::atomic<histogram*>> durations_;
  std::vector<counter> refused_;
};

}  // namespace fp
