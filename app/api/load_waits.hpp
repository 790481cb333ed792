#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "app/gateway/gateway_bridge.hpp"

namespace fp {

/// Of the requests of all bridges that wait at one time.
struct load_wait_limits {
  std::chrono::milliseconds longest{0};  ///< that each may wait
  size_t num_requests = 0;
  uint64_t num_bytes = 0;  ///< that they hold together
};

/// Has requests of HTTP wait for an index that loads its files, as all do after a start. A server of fpindex
/// listens when it has loaded, and its clients take an answer of `_health` for that.
///
/// Only what ends by itself is waited for: an index that has failed answers at once, and so does a replica that has
/// yet to get from elsewhere what it is to hold, which may take hours. What waits too long, or would be one too
/// many, gets the answer that the loading index gave.
class load_waits : public std::enable_shared_from_this<load_waits> {
 public:
  explicit load_waits(const load_wait_limits& allowed = {}) : allowed_(allowed) {}

  std::chrono::milliseconds longest() const { return allowed_.longest; }
  /// How long a search may wait, by its own time limit; 0: none.
  std::chrono::milliseconds of_search(uint32_t timeout_ms) const {
    return timeout_ms == 0 ? longest() : std::min(longest(), std::chrono::milliseconds(timeout_ms));
  }

  /// Asks an index as the bridge does, and once more when it has loaded within `wait`. The message must not ask for
  /// a wait itself. Runs inside the bridge.
  template <class Reply, class Then, class... Ts>
  void ask_index(bridge_state& b, const std::string& index, std::chrono::milliseconds wait,
                 std::chrono::milliseconds timeout, Then then, bridge_state::failure fail, Ts... message) {
    if (wait.count() == 0) {
      b.ask_index<Reply>(index, timeout, std::move(then), std::move(fail), std::move(message)...);
      return;
    }
    const auto asked_early = [=, &b, self = shared_from_this()](const caf::error& e) {
      if (code_of(e) != errc::index_not_ready) {
        fail(e);
        return;
      }
      self->when_loaded(
          b, index, {wait, (bytes_of(message) + ... + 0)},
          [=, &b] { b.ask_index<Reply>(index, timeout, then, fail, message...); }, [=] { fail(e); });
    };
    b.ask_index<Reply>(index, timeout, then, asked_early, message...);
  }

 private:
  using callback = std::function<void()>;
  struct waiting_request {
    std::chrono::milliseconds longest;
    uint64_t num_bytes;
  };

  // What a message keeps in memory beside itself.
  static uint64_t bytes_of(const local_update& m) { return m.changes.bytes()->size(); }
  static uint64_t bytes_of(const local_search& m) { return m.request->query.size() * sizeof(hash_value); }
  static uint64_t bytes_of(const document_request&) { return 0; }
  static uint64_t bytes_of(const index_info_request&) { return 0; }

  void when_loaded(bridge_state& b, const std::string& index, waiting_request request, callback then,
                   callback give_up);
  /// A place among those that wait, given back when its last holder lets go; null: there is none.
  std::shared_ptr<const void> take_place(uint64_t num_bytes);

  const load_wait_limits allowed_;
  std::atomic<size_t> num_requests_ = 0;
  std::atomic<uint64_t> num_bytes_ = 0;
};

}  // namespace fp
