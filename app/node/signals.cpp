#include "app/node/signals.hpp"

#include <pthread.h>
#include <sys/time.h>

namespace fp {

signal_watcher::signal_watcher() {
  sigemptyset(&signals_);
  sigaddset(&signals_, SIGTERM);
  sigaddset(&signals_, SIGINT);
  sigaddset(&signals_, SIGHUP);
  sigaddset(&signals_, SIGALRM);
  pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  // A peer that goes away while it is written to is an error of that connection, not of the process.
  signal(SIGPIPE, SIG_IGN);
}

void signal_watcher::start(std::function<void(int)> on_signal) {
  thread_ = std::thread([this, on_signal = std::move(on_signal)] {
    for (;;) {
      int number = 0;
      sigwait(&signals_, &number);
      if (done_) return;
      on_signal(number);
    }
  });
}

signal_watcher::~signal_watcher() {
  if (!thread_.joinable()) return;
  done_ = true;
  pthread_kill(thread_.native_handle(), SIGTERM);
  thread_.join();
}

void raise_alarm_in(std::chrono::milliseconds time) {
  itimerval timer{};
  timer.it_value.tv_sec = time.count() / 1000;
  timer.it_value.tv_usec = time.count() % 1000 * 1000;
  setitimer(ITIMER_REAL, &timer, nullptr);
}

}  // namespace fp
