#include "app/client/direct_reader.hpp"

#include "messages/error.hpp"

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

void direct_reader::examine(const std::string& index, const index_handle& handle, const caf::error& e) {
  if (!is_receiver_gone(e)) client_detail::raise(with_address(options_, e));
  line_->close(index, handle);
}

}  // namespace fp
