#include "app/http/http_server.hpp"

#include <algorithm>

#include "app/http/http_session.hpp"

namespace fp {

using namespace http_detail;

namespace {

/// What a connection above the bound is told.
std::string refuse_connection(const http_refusal& refusal) {
  const auto r = refusal(503, http_request{});
  return "HTTP/1.1 503 Service Unavailable\r\nContent-Type: " + r.content_type +
         "\r\nRetry-After: " + std::to_string(r.retry_after_s) +
         "\r\nContent-Length: " + std::to_string(r.body.size()) + "\r\nConnection: close\r\n\r\n" + r.body;
}

std::shared_ptr<server_state> make_state(http_server_options options, http_handler handler, http_refusal refusal,
                                         http_gate gate) {
  auto state = std::make_shared<server_state>(options.max_buffered_bytes);
  state->options = std::move(options);
  state->handler = std::move(handler);
  state->refusal = std::move(refusal);
  state->gate = std::move(gate);
  return state;
}

tcp_server_options tcp_options(const http_server_options& o) {
  return {.host = o.host, .port = o.port, .max_connections = o.max_connections, .stop_timeout = o.stop_timeout};
}

}  // namespace

class http_server::impl {
 public:
  explicit impl(std::shared_ptr<server_state> shared)
      : workers_(make_workers<worker>(std::max(1u, shared->options.threads), shared)),
        server_(
            tcp_options(shared->options), {workers_.begin(), workers_.end()},
            [workers = workers_](uint32_t number, tcp::socket socket) {
              return std::make_shared<session>(workers[number], std::move(socket));
            },
            // Before its handshake a TLS client could not read a word.
            [shared] { return shared->options.tls ? std::string() : refuse_connection(shared->refusal); }) {}

  tcp_server& server() { return server_; }
  http_load load() const {
    const auto& shared = *workers_.front()->shared;
    return {server_.num_connections(), shared.in_flight, shared.held.shared_sum()};
  }

 private:
  std::vector<std::shared_ptr<worker>> workers_;
  tcp_server server_;
};

http_server::http_server(http_server_options options, http_handler handler, http_refusal refusal, http_gate gate)
    : impl_(std::make_unique<impl>(
          make_state(std::move(options), std::move(handler), std::move(refusal), std::move(gate)))) {}
http_server::~http_server() = default;
uint16_t http_server::port() const { return impl_->server().port(); }
http_load http_server::load() const { return impl_->load(); }
void http_server::stop() { impl_->server().stop(); }

}  // namespace fp
