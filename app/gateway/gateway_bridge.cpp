#include "app/gateway/gateway_bridge.hpp"

namespace fp {

namespace {

constexpr auto resolve_timeout = std::chrono::seconds(10);

}  // namespace

bridge_handle::behavior_type gateway_bridge(bridge_state::pointer self, node_handle node) {
  auto* s = &self->state;
  s->self = self;
  s->node = std::move(node);
  s->indexes.init(self, s->deadlines, s->node, resolve_timeout, decltype(s->indexes)::place::this_process);
  // An index that ends has handed on what it was asked: the answers come from others.
  self->set_down_handler([=](const caf::down_msg& down) { s->indexes.forget(down.source); });
  // An exception belongs to the one call that threw it; its client is answered when the call's responder goes.
  self->set_exception_handler([](std::exception_ptr&) { return caf::error{}; });
  return {[=](const bridge_call& call) { call.run(*s); }, [=](expire_atom) { s->deadlines.expire(*self); }};
}

}  // namespace fp
