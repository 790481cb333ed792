#pragma once

#include <caf/all.hpp>
#include <memory>
#include <vector>

#include "actors/direct_search.hpp"
#include "app/gateway/gateway_bridge.hpp"
#include "app/gateway/line_settings.hpp"
#include "app/line/line_server.hpp"
#include "core/metrics/node_metrics.hpp"

namespace fp {

/// Serves one index over the line protocol of the first-generation server.
///
///     line_server (I/O threads) -> here -> gateway_bridge (one a thread) -> index_coordinator
///     line_server (I/O threads) -> here -> direct_search: most searches
class line_gateway {
 public:
  /// Listens on `host`, which `legacy_host` may not name, and `legacy_port`. Throws when that is impossible. With
  /// `makes_index` it creates the index when that is missing, and throws why it cannot; else what needs the index
  /// is refused until somebody has created it. `direct` is asked before the index is. Both it and `metrics` may be
  /// null.
  line_gateway(caf::actor_system& system, const line_settings& settings, const std::string& host,
               size_t max_update_bytes, node_handle node, bool makes_index,
               std::shared_ptr<const direct_searches> direct = {},
               const std::shared_ptr<node_metrics>& metrics = {});
  ~line_gateway();
  line_gateway(const line_gateway&) = delete;
  line_gateway& operator=(const line_gateway&) = delete;

  uint16_t port() const { return server_->port(); }
  /// Answers what has been received and ends. The node must still run.
  void stop();

 private:
  std::vector<bridge_handle> bridges_;
  std::unique_ptr<line_server> server_;
};

}  // namespace fp
