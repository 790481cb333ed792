#pragma once

#include <caf/all.hpp>

namespace fp {

/// The message as a guarded actor takes it, or null when it must not see it. Whoever holds a handle may send
/// anything to it, also what CAF sends when actors end:
///
/// - an exit message counts only when a local actor sends it in its own name, so that no remote peer ends an actor,
///   whether by a message, by `exit_reason::kill` or by a link;
/// - a down message counts only when it comes from the actor that it says is down;
/// - the death of a linked actor that was killed is an abnormal exit as any other, which an exit handler may take.
caf::mailbox_element_ptr admitted(caf::mailbox_element_ptr element, const caf::node_id& here);

/// Base of the actors whose handles leave the node, which no remote peer can end.
template <class Handle>
class guarded_actor : public Handle::base {
 public:
  using super = typename Handle::base;

  explicit guarded_actor(caf::actor_config& config) : super(config) {}

  using super::enqueue;
  void enqueue(caf::mailbox_element_ptr element, caf::execution_unit* unit) override {
    if (auto taken = admitted(std::move(element), this->node())) super::enqueue(std::move(taken), unit);
  }
};

/// As `Handle::stateful_pointer`, for a guarded actor.
template <class Handle, class State>
using guarded_pointer = caf::stateful_actor<State, guarded_actor<Handle>>*;

}  // namespace fp
