#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "app/http/http_types.hpp"
#include "app/tcp/stop_timeout.hpp"
#include "core/base/cancel.hpp"

namespace fp {

class tls_server_context;

struct http_server_options {
  std::string host = "127.0.0.1";
  uint16_t port = 0;  ///< 0: pick a free one
  uint32_t threads = 2;
  uint32_t max_body_bytes = 16u << 20;
  uint64_t max_buffered_bytes = 256u << 20;  ///< of bodies and answers of all connections together
  uint32_t max_header_bytes = 16u << 10;
  uint32_t max_connections = 4'096;
  uint32_t max_requests_in_flight = 4'096;
  uint32_t max_pipelined = 16;  ///< requests of one connection that are read ahead of their answers
  std::chrono::milliseconds idle_timeout{300'000};
  std::chrono::milliseconds header_timeout{10'000};  ///< absolute, for all of the header; for a handshake, too
  std::chrono::milliseconds body_timeout{60'000};    ///< absolute, for all of the body
  /// How long `stop` waits for answers.
  std::chrono::milliseconds stop_timeout = default_stop_timeout;
  std::shared_ptr<const tls_server_context> tls = nullptr;  ///< empty: plain HTTP
};

/// The server's side of one request that waits for its answer.
class http_exchange {
 public:
  virtual ~http_exchange() = default;
  virtual void respond(http_response response) = 0;
  virtual const std::shared_ptr<cancel_flag>& cancel() const = 0;
};

/// Answers one request: once, from any thread, now or later. A request whose last responder goes away unanswered
/// is answered as an internal error. Answers to a client that has gone are dropped.
class http_responder {
 public:
  explicit http_responder(std::shared_ptr<http_exchange> exchange) : exchange_(std::move(exchange)) {}
  void operator()(http_response response) const { exchange_->respond(std::move(response)); }
  /// Raised when nobody waits for the answer any more.
  const std::shared_ptr<cancel_flag>& cancel() const { return exchange_->cancel(); }

 private:
  std::shared_ptr<http_exchange> exchange_;
};

/// Runs on an I/O thread and must not block.
using http_handler = std::function<void(http_request, http_responder)>;

/// Words the answer to a request that no handler sees: 400, 408, 413, 417, 431, 500, 501, 503. Of the request only
/// what was read of the header is known.
using http_refusal = std::function<http_response(unsigned status, const http_request& head)>;

/// Decides by a request's head alone, before any of its body is taken, who has to be turned away: with this answer.
/// Runs on an I/O thread and must not block.
using http_gate = std::function<std::optional<http_response>(const http_request& head)>;

/// An HTTP/1.1 server: connections, framing, limits and time limits; knows nothing of what is served.
///
/// Each thread runs an event loop of its own, and a connection stays on one of them. Pipelined requests are
/// answered in order. Requests with two meanings (two lengths, a length and a transfer coding) are refused and the
/// connection is closed, as it is after every refused request. One that the gate turns away keeps its connection if
/// its body is small, and nobody is told to send it.
class http_server {
 public:
  /// Listens. Throws `io_error` when the address cannot be listened on. Without a gate everybody gets in.
  http_server(http_server_options options, http_handler handler, http_refusal refusal, http_gate gate = {});
  ~http_server();
  http_server(const http_server&) = delete;
  http_server& operator=(const http_server&) = delete;

  uint16_t port() const;
  http_load load() const;
  /// Accepts nothing more, answers what has been received, closes, and returns.
  void stop();

 private:
  class impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace fp
