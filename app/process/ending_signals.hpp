#pragma once

#include <signal.h>

#include <array>

namespace fp {

/// The signals by which somebody ends a program.
inline constexpr std::array ending_signals{SIGINT, SIGTERM, SIGHUP};

/// A handler of ours for these signals, for as long as it is needed. Objects that are in use at the same time are
/// given back in the reverse of the order in which they were taken.
class ending_signal_handlers {
 public:
  /// The handler does only what a signal handler may, and ends with `end_by`. Who ignores a signal, as nohup does,
  /// goes on ignoring it.
  void take(void (*handler)(int)) noexcept;
  void give_back() noexcept;

  /// Ends the program as if there had been no handler.
  static void end_by(int number) noexcept;

 private:
  std::array<struct sigaction, ending_signals.size()> former_{};
};

}  // namespace fp
