#pragma once

#include <chrono>

#include "messages/types.hpp"

namespace fp {

/// What a node may wait on purpose before it answers a request. It comes on top of
/// `client_options::request_timeout`.
template <class Request>
std::chrono::milliseconds wait_on_purpose(const Request& r) {
  return std::chrono::milliseconds(r.ready_wait_ms);
}

inline std::chrono::milliseconds wait_on_purpose(const search_request& r) {
  return std::chrono::milliseconds(r.ready_wait_ms) + std::chrono::milliseconds(r.timeout_ms);
}

inline std::chrono::milliseconds wait_on_purpose(const search_batch_request& r) {
  std::chrono::milliseconds sum(r.searches.empty() ? 0 : r.searches.front().ready_wait_ms);
  for (const auto& one : r.searches) sum += std::chrono::milliseconds(one.timeout_ms);
  return sum;
}

inline std::chrono::milliseconds wait_on_purpose(status_atom) { return {}; }

}  // namespace fp
