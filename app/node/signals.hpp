#pragma once

#include <signal.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <thread>

namespace fp {

/// Hands SIGTERM, SIGINT, SIGHUP and SIGALRM of the process to a callback, which runs on a thread of its own. Made
/// before any other thread, so that all of them leave those signals to this one.
class signal_watcher {
 public:
  signal_watcher();
  ~signal_watcher();
  signal_watcher(const signal_watcher&) = delete;
  signal_watcher& operator=(const signal_watcher&) = delete;

  /// Signals that came before are handed over now.
  void start(std::function<void(int signal)> on_signal);

 private:
  sigset_t signals_;
  std::atomic<bool> done_ = false;
  std::thread thread_;
};

/// Has SIGALRM come once.
void raise_alarm_in(std::chrono::milliseconds time);

}  // namespace fp
