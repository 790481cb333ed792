#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>

#include "app/line/line_session.hpp"
#include "app/line/line_types.hpp"
#include "app/tcp/stop_timeout.hpp"

namespace fp {

struct line_server_options {
  std::string host = "127.0.0.1";
  uint16_t port = 0;  ///< 0: pick a free one
  uint32_t threads = 1;
  uint32_t max_connections = 1'024;
  size_t max_line_bytes = size_t{256} << 10;  ///< without its end
  line_limits limits{};
  uint64_t max_buffered_bytes = uint64_t{256} << 20;  ///< of all transactions together
  /// How long a client may not take an answer.
  std::chrono::milliseconds write_timeout{30'000};
  /// How long `stop` waits for answers.
  std::chrono::milliseconds stop_timeout = default_stop_timeout;
};

/// A server of the line protocol: connections, limits and time limits; knows nothing of the index.
///
/// Lines of a connection are dealt with one after the other. What it sends ahead is read up to a bound, and nothing
/// is dealt with while it does not take its answers.
class line_server {
 public:
  /// Listens. Throws `io_error` when the address cannot be listened on.
  line_server(line_server_options options, line_handler handler);
  ~line_server();
  line_server(const line_server&) = delete;
  line_server& operator=(const line_server&) = delete;

  uint16_t port() const;
  /// Open connections; valid even when the server has gone.
  std::shared_ptr<const std::atomic<uint32_t>> num_connections() const;
  /// Accepts nothing more, answers the lines that have been received, closes, and returns.
  void stop();

 private:
  class impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace fp
