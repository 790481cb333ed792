#include "app/process/ending_signals.hpp"

namespace fp {

void ending_signal_handlers::take(void (*handler)(int)) noexcept {
  struct sigaction action {};
  action.sa_handler = handler;
  for (size_t i = 0; i < ending_signals.size(); i++) {
    ::sigaction(ending_signals[i], nullptr, &former_[i]);
    if (former_[i].sa_handler != SIG_IGN) ::sigaction(ending_signals[i], &action, nullptr);
  }
}

void ending_signal_handlers::give_back() noexcept {
  for (size_t i = 0; i < ending_signals.size(); i++) ::sigaction(ending_signals[i], &former_[i], nullptr);
}

void ending_signal_handlers::end_by(int number) noexcept {
  ::signal(number, SIG_DFL);
  ::raise(number);
}

}  // namespace fp
