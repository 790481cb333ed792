#include "app/api/http_gateway.hpp"

#include <algorithm>

#include "app/api/route_metrics.hpp"
#include "app/api/routes.hpp"
#include "app/audio/chromaprint_library.hpp"
#include "app/audio/sound_reader.hpp"

namespace fp {

namespace {

http_server_options server_options(const http_settings& c) {
  http_server_options o;
  o.host = c.host;
  o.port = c.port.port;
  o.threads = c.http_threads;
  o.max_body_bytes = c.http_max_body_bytes;
  o.max_buffered_bytes = c.http_max_buffered_bytes;
  o.max_header_bytes = c.http_max_header_bytes;
  o.max_connections = c.http_max_connections;
  o.max_requests_in_flight = c.http_max_requests_in_flight;
  o.idle_timeout = std::chrono::milliseconds(c.http_idle_timeout_ms);
  o.header_timeout = std::chrono::milliseconds(c.http_header_timeout_ms);
  o.body_timeout = std::chrono::milliseconds(c.http_body_timeout_ms);
  return o;
}

/// Half of what may be asked at one time may wait: who looks how things are, or asks other indexes, gets in
/// meanwhile.
load_wait_limits wait_limits(std::chrono::milliseconds longest, const http_settings& c) {
  return {longest, std::min(c.http_max_requests_in_flight, c.http_max_connections) / 2, c.http_max_buffered_bytes};
}

}  // namespace

void add_certificate_gauge(node_metrics& metrics, std::string listener,
                           std::shared_ptr<const std::atomic<int64_t>> expiry) {
  metrics.add_gauge("fpindex_certificate_expiry_timestamp_seconds", "When the certificate of a listener expires",
                    {{"listener", std::move(listener)}},
                    [expiry = std::move(expiry)] { return static_cast<double>(expiry->load()); });
}

http_gateway::http_gateway(caf::actor_system& system, const http_settings& settings, const tls_settings& tls,
                           size_t max_update_bytes, node_handle node, gateway_hooks hooks)
    : tls_files_(tls.files_without_ca()) {
  if (!settings.token_file.empty()) access_ = std::make_shared<access_control>(settings.token_file);
  if (settings.http_tls) {
    const tls_credentials credentials(tls_files_);
    tls_ = std::make_shared<tls_server_context>(credentials);
    *expiry_ = credentials.expiry_time();
  }
  if (settings.fingerprint_audio) sound_pool_ = std::make_unique<worker_pool>(system, "sounds", 1);
  for (uint32_t i = 0; i < settings.http_threads; i++) bridges_.push_back(system.spawn(gateway_bridge, node));
  api_service service;
  service.bridges = bridges_;
  service.direct = hooks.direct;
  // No body becomes larger than this when it is encoded: the worst case is metadata of one byte an entry.
  service.max_encoded_bytes = std::max<size_t>(max_update_bytes, size_t{6} * settings.http_max_body_bytes);
  service.tells_strangers_names = access_ == nullptr;
  service.log = hooks.log;
  service.metrics = hooks.text;
  service.history = hooks.history;
  service.changelog = hooks.changelog;
  service.changelog_timeout = hooks.changelog_timeout;
  service.waits = std::make_shared<load_waits>(wait_limits(hooks.ready_wait, settings));
  if (!settings.library.empty()) {
    naming_ = spawn_pooled(system, hooks.pools, blocking_work::searches, naming_actor, settings.library, hooks.log);
    service.naming = naming_;
    service.board->set_has_names();
  }
  if (sound_pool_) {
    sounds_ = sound_pool_->spawn(sound_actor);
    service.sounds = sounds_;
    service.board->set_takes_sound();
  }
  std::shared_ptr<http_metrics> measures;
  if (hooks.metrics) {
    measures = make_http_metrics();
    hooks.metrics->add_source(measures);
  }
  const auto routes = std::make_shared<const http_routes>(std::move(service), access_, measures);
  auto serving = server_options(settings);
  serving.tls = tls_;
  try {
    server_ = std::make_unique<http_server>(
        std::move(serving),
        [routes](http_request request, http_responder respond) {
          routes->serve(std::move(request), std::move(respond));
        },
        [measures](unsigned status, const http_request& head) {
          if (measures) measures->refused(status);
          return refused_request(status, head);
        },
        access_ ? [routes](const http_request& head) { return routes->turn_away(head); } : http_gate());
  } catch (...) {
    stop();
    throw;
  }
  if (hooks.metrics) {
    const auto load = server_->load();
    hooks.metrics->add_gauge("fpindex_http_connections", "Open HTTP connections", {},
                             [load] { return static_cast<double>(load.connections->load()); });
    hooks.metrics->add_gauge("fpindex_http_requests_in_flight", "HTTP requests that wait for their answer", {},
                             [load] { return static_cast<double>(load.in_flight->load()); });
    hooks.metrics->add_gauge("fpindex_http_buffered_bytes",
                             "What bodies and answers of HTTP hold, above 32 KiB of each connection", {},
                             [load] { return static_cast<double>(load.buffered_bytes->load()); });
    hooks.metrics->add_gauge("fpindex_http_max_buffered_bytes", "What bodies and answers of HTTP may hold", {},
                             [most = settings.http_max_buffered_bytes] { return static_cast<double>(most); });
    if (tls_) add_certificate_gauge(*hooks.metrics, "http", expiry_);
  }
}

void http_gateway::check_files(const http_settings& settings, const tls_settings& tls) {
  if (!settings.token_file.empty()) token_list::load(settings.token_file);
  if (settings.http_tls) {
    tls_server_context{tls_credentials(tls.files_without_ca())};
  }
  if (settings.fingerprint_audio) {
    if (!sound_reader::is_possible_for_strangers()) {
      throw error(errc::io_error,
                  "fingerprint_audio: ffmpeg or prlimit is not installed (Debian: apt-get install ffmpeg "
                  "util-linux)");
    }
    chromaprint_library::get();
  }
}

void http_gateway::reload(spdlog::logger& log) {
  const auto attempt = [&log](auto&& read) {
    try {
      read();
    } catch (const error& e) {
      log.error("{}: going on with what was read before", e.what());
    }
  };
  if (access_) attempt([&] { log.info("token file read again: {} tokens", access_->reload()); });
  if (!tls_) return;
  attempt([&] {
    const tls_credentials fresh(tls_files_);
    tls_->replace(fresh);
    *expiry_ = fresh.expiry_time();
    log.info("certificate of HTTP read again: valid until {}", fresh.expires());
  });
}

http_gateway::~http_gateway() { stop(); }

void http_gateway::stop() {
  if (server_) server_->stop();
  for (const auto& b : bridges_) caf::anon_send_exit(b, caf::exit_reason::user_shutdown);
  bridges_.clear();
  if (naming_) caf::anon_send_exit(naming_, caf::exit_reason::user_shutdown);
  if (sounds_) caf::anon_send_exit(sounds_, caf::exit_reason::user_shutdown);
}

}  // namespace fp
