#pragma once

#include <caf/all.hpp>
#include <type_traits>

namespace fp::test {

/// What an actor that keeps a `State` keeps, as long as the actor has not ended.
template <class State, class Handle>
State& state_in(const Handle& who) {
  using implementation = std::remove_pointer_t<decltype(State::self)>;
  return dynamic_cast<implementation&>(*caf::actor_cast<caf::abstract_actor*>(who)).state;
}

/// Whether an actor has ended, so that what it kept is gone.
template <class Handle>
bool has_ended(const Handle& who) {
  return caf::actor_cast<caf::abstract_actor*>(who)->getf(caf::abstract_actor::is_terminated_flag);
}

}  // namespace fp::test
