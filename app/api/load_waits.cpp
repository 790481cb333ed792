#include "app/api/load_waits.hpp"

#include "app/gateway/request_timeouts.hpp"

namespace fp {

namespace {

/// Whether a wait ended so that asking once more would tell nothing new.
bool was_in_vain(const caf::error& e) {
  const auto code = code_of(e);
  return code == errc::index_not_ready || code == errc::overloaded || code == errc::request_timeout;
}

}  // namespace

std::shared_ptr<const void> load_waits::take_place(uint64_t num_bytes) {
  std::shared_ptr<const void> place(this, [self = shared_from_this(), num_bytes](const load_waits*) {
    self->num_requests_ -= 1;
    self->num_bytes_ -= num_bytes;
  });
  const auto requests = num_requests_ += 1;
  const auto bytes = num_bytes_ += num_bytes;
  return requests <= allowed_.num_requests && bytes <= allowed_.num_bytes ? place : nullptr;
}

void load_waits::when_loaded(bridge_state& b, const std::string& index, waiting_request request, callback then,
                             callback give_up) {
  const auto look = [=, &b, self = shared_from_this()](const index_status& s) {
    if (s.state != index_state::loading) {
      then();
      return;
    }
    const auto place = s.replica.state.empty() ? self->take_place(request.num_bytes) : nullptr;
    if (!place) {
      give_up();
      return;
    }
    b.ask_index<snapshot_ptr>(
        index, request.longest + look_timeout, [=, held = place](const snapshot_ptr&) { then(); },
        [=, held = place](const caf::error& e) { was_in_vain(e) ? give_up() : then(); },
        served_request{static_cast<uint32_t>(request.longest.count())});
  };
  b.ask_index<index_status>(
      index, look_timeout, look, [=](const caf::error&) { give_up(); }, status_atom_v);
}

}  // namespace fp
