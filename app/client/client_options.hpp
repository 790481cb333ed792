#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace fp {

/// Where a node is, and how long its answers may take.
struct client_options {
  std::string host = "127.0.0.1";
  uint16_t port = 8090;
  /// For a connection: name lookup, TCP, handshake and the node's first answer.
  std::chrono::milliseconds connect_timeout{5'000};
  /// For one answer. What a request may wait on purpose (`ready_wait_ms`, a search's `timeout_ms`) comes on top.
  std::chrono::milliseconds request_timeout{10'000};
  /// For checkpoints and merges, and between two words of the progress of a load.
  std::chrono::milliseconds upkeep_timeout{600'000};
  /// Requests that may be unanswered at one time; more are refused with `overloaded`.
  size_t max_pending = 1'024;

  /// "host:port", as messages show it.
  std::string address() const { return host + ":" + std::to_string(port); }
};

}  // namespace fp
