#include "app/client/direct_reader.hpp"

#include "app/client/client_error.hpp"

namespace fp {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

direct_reader::direct_reader(caf::actor_system& system, const client_options& options)
    : system_(system), options_(options), self_(std::in_place, system) {}

bool direct_reader::wait(milliseconds timeout) {
  // CAF waits by the wall's clock, which may be set meanwhile.
  const auto deadline = steady_clock::now() + timeout;
  for (;;) {
    const auto left = deadline - steady_clock::now();
    if ((*self_)->await_data(caf::blocking_actor::timeout_type::clock::now() + left)) return true;
    if (steady_clock::now() >= deadline) return false;
  }
}

void direct_reader::leave() {
  line_->done();
  self_.emplace(system_);
}

void direct_reader::throw_timeout(milliseconds timeout) {
  leave();
  const auto e = no_answer(options_, timeout);
  throw error(code_of(e), text_of(e));
}

void direct_reader::examine(const std::string& index, const caf::error& e) {
  if (is_receiver_gone(e)) {
    line_->close(index);
    return;
  }
  const auto named = with_address(options_, e);
  throw error(code_of(named), text_of(named));
}

}  // namespace fp
