#pragma once

#include <caf/all.hpp>

namespace fp::test {

/// Ends an actor the hard way. Some heed nobody but actors of their own system, so one of those says it.
template <class Handle>
void kill(caf::actor_system& system, const Handle& who) {
  caf::scoped_actor self{system};
  // Before all that the actor has not begun yet.
  self->send<caf::message_priority::high>(caf::actor_cast<caf::actor>(who),
                                          caf::exit_msg{self->address(), caf::exit_reason::kill});
}

}  // namespace fp::test
