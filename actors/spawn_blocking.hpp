#pragma once

#include <caf/all.hpp>
#include <utility>

#include "actors/blocking_pools.hpp"
#include "actors/environment.hpp"

namespace fp {

/// Spawns an actor that blocks on `kind` as a linked and monitored child.
template <class F, class... Ts>
auto spawn_blocking(caf::scheduled_actor* self, const environment& env, blocking_work kind, F f, Ts&&... args) {
  auto handle = spawn_pooled(self->home_system(), env.pools, kind, f, std::forward<Ts>(args)...);
  self->monitor(handle);
  self->link_to(handle);
  return handle;
}

}  // namespace fp
