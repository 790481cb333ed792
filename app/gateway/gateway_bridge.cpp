#include "app/gateway/gateway_bridge.hpp"

namespace fp {

namespace {

constexpr auto resolve_timeout = std::chrono::seconds(10);
constexpr size_t max_known_indexes = 10'000;

}  // namespace

void bridge_state::with_index(const std::string& index, std::function<void(const local_index_handle&)> then,
                              const failure& fail) {
  if (const auto it = indexes.find(index); it != indexes.end()) {
    then(it->second);
    return;
  }
  self->request(node, resolve_timeout, resolve_atom_v, index)
      .then(
          [=, this](const index_handle& found) {
            const auto handle = caf::actor_cast<local_index_handle>(found);
            if (indexes.size() < max_known_indexes && indexes.insert_or_assign(index, handle).second) {
              self->monitor(handle);
            }
            then(handle);
          },
          [fail](const caf::error& e) { fail(e); });
}

void bridge_state::forget(const caf::actor_addr& address) {
  std::erase_if(indexes, [&](const auto& entry) { return entry.second.address() == address; });
}

bridge_handle::behavior_type gateway_bridge(bridge_state::pointer self, node_handle node) {
  auto* s = &self->state;
  s->self = self;
  s->node = std::move(node);
  self->set_down_handler(
      [=](const caf::down_msg& down) { s->forget(caf::actor_cast<caf::actor_addr>(down.source)); });
  // An exception belongs to the one call that threw it; its client is answered when the call's responder goes.
  self->set_exception_handler([](std::exception_ptr&) { return caf::error{}; });
  return {[=](const bridge_call& call) { call.run(*s); }, [=](expire_atom) { s->deadlines.expire(*self); }};
}

}  // namespace fp
