#pragma once

#include <spdlog/logger.h>

#include <caf/all.hpp>
#include <memory>
#include <string>
#include <vector>

#include "actors/blocking_pools.hpp"
#include "app/api/access_control.hpp"
#include "app/api/http_settings.hpp"
#include "app/api/naming_actor.hpp"
#include "app/api/sound_actor.hpp"
#include "app/gateway/gateway_bridge.hpp"
#include "app/http/http_server.hpp"
#include "app/http/tls_context.hpp"
#include "app/tls/tls_settings.hpp"
#include "core/metrics/node_metrics.hpp"

namespace fp {

/// What the gateway serves beyond a node's own answers.
struct gateway_hooks {
  std::shared_ptr<node_metrics> metrics;  ///< to which the gateway adds its own; null: nothing is measured
  metrics_handle text;                    ///< for `GET /_metrics`, which is not found without it
  history_handle history;                 ///< for `GET /:index/_history`, likewise
  std::shared_ptr<const direct_searches> direct = {};   ///< asked before an index is; null: nothing is
  std::shared_ptr<spdlog::logger> log;                  ///< of internal errors; null: they are not logged
  const blocking_pools* pools = nullptr;                ///< null: what blocks is scheduled as everything else
  changelog_handle changelog = {};                      ///< that others may follow over HTTP; empty: they may not
  std::chrono::milliseconds changelog_timeout{30'000};  ///< how long an answer of it may take, with its wait
  std::chrono::milliseconds ready_wait{0};              ///< how long a request may wait for an index that loads
};

/// Adds the time at which the certificate of a listener expires, in seconds since 1970.
void add_certificate_gauge(node_metrics& metrics, std::string listener,
                           std::shared_ptr<const std::atomic<int64_t>> expiry);

/// Serves a node over HTTP, by the contract that fpindex clients speak.
///
///     http_server (I/O threads) -> http_routes -> an endpoint's handler -> direct_search: most searches
///     http_server (I/O threads) -> http_routes -> an endpoint's handler -> gateway_bridge (one a thread): all else
///     gateway_bridge -> node_actor, index_coordinator, metrics_actor, history_actor, naming_actor, sound_actor
class http_gateway {
 public:
  /// Listens on `settings.host` and `settings.port`. Throws `io_error` when that is impossible, and what is wrong
  /// with the files of tokens and certificates.
  http_gateway(caf::actor_system& system, const http_settings& settings, const tls_settings& tls,
               size_t max_update_bytes, node_handle node, gateway_hooks hooks = {});
  ~http_gateway();
  http_gateway(const http_gateway&) = delete;
  http_gateway& operator=(const http_gateway&) = delete;

  /// Reads the files of tokens and certificates as the constructor does, looks for the programs and libraries that
  /// the settings need, and throws what is wrong with them.
  static void check_files(const http_settings& settings, const tls_settings& tls);

  uint16_t port() const { return server_->port(); }
  /// Reads the token file and, for new connections, the certificate again. What cannot be used is logged, and what
  /// was in force stays.
  void reload(spdlog::logger& log);
  /// Answers what is in flight and ends. The node must still run.
  void stop();

 private:
  const tls_files tls_files_;
  std::shared_ptr<access_control> access_;   ///< empty: HTTP is open
  std::shared_ptr<tls_server_context> tls_;  ///< empty: plain HTTP
  /// When the certificate in force expires, in seconds since 1970.
  std::shared_ptr<std::atomic<int64_t>> expiry_ = std::make_shared<std::atomic<int64_t>>(0);
  std::vector<bridge_handle> bridges_;
  naming_handle naming_;  ///< empty: there is no library
  /// One thread that decodes sound, and the actor on it; empty: clients may send none.
  std::unique_ptr<worker_pool> sound_pool_;
  sound_handle sounds_;
  std::unique_ptr<http_server> server_;
};

}  // namespace fp
