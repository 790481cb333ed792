#pragma once

#include <spdlog/logger.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>

namespace fp {

/// Keeps the acceptor of remote actors from using up the process's file descriptors, and from spinning when there
/// are none. CAF's goes on at once when it cannot accept, which it never will until somebody hangs up, and offers
/// no bound; so the program has an `accept` of its own, which stands before the one of libc for all libraries. One
/// object at a time; made before any listener.
class accept_guard {
 public:
  /// Descriptors that are left to others, at most an eighth of all: when no more are free, a new connection to the
  /// guarded port is closed.
  static constexpr uint64_t max_headroom = 16;

  /// `log` null: nothing is said.
  explicit accept_guard(std::shared_ptr<spdlog::logger> log);
  ~accept_guard();
  accept_guard(const accept_guard&) = delete;
  accept_guard& operator=(const accept_guard&) = delete;

  /// That remote actors come by this port.
  void guard(uint16_t port);

  /// As accept(2). A connection that is closed here counts as one that never came (EAGAIN).
  int accept(int listener, void* address, void* size);

 private:
  bool is_guarded(int listener) const;
  /// Whether there was a shortage of late, and no more descriptors are free than are left to others.
  bool is_still_short();
  /// Takes a connection by the spare descriptor, and closes it.
  void shed(int listener);
  /// At most one line a minute.
  void warn(bool refuses);

  std::shared_ptr<spdlog::logger> log_;
  std::mutex mutex_;
  uint64_t limit_, headroom_;
  int spare_;
  uint16_t port_ = 0;
  std::atomic<bool> is_watchful_ = false;  ///< there was a shortage of late: descriptors are counted
  std::chrono::steady_clock::time_point next_warning_, watchful_until_;
};

}  // namespace fp
