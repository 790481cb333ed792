#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "core/metrics/metric_source.hpp"
#include "core/metrics/primitives.hpp"

namespace fp {

/// Latencies of a gateway's requests, by method, route and status. Nothing that a client sends becomes a label:
/// routes and methods are named beforehand, and statuses that the gateway does not use count as one.
class http_metrics final : public metric_source {
 public:
  /// The names live forever.
  http_metrics(std::vector<std::string_view> methods, std::vector<std::string_view> routes);
  ~http_metrics() override;

  /// From any thread. `method` and `route` are positions in the constructor's lists.
  void answered(size_t method, size_t route, unsigned status, std::chrono::nanoseconds took);
  /// A request that never reached a route.
  void refused(unsigned status);

  void write_to(family_list& out) const override;

 private:
  const std::vector<std::string_view> methods_, routes_;
  /// By method, route and status; made when the first one is counted.
  std::vector<std::atomic<histogram*>> durations_;
  std::vector<counter> refused_;
};

}  // namespace fp
