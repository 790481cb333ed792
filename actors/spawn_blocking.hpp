#pragma once

#include <caf/all.hpp>
#include <system_error>
#include <utility>

#include "actors/environment.hpp"

namespace fp {

/// Undoes what CAF 0.17 has done for a detached actor when it found that there is no thread for it: the actor is
/// registered, holds a reference to itself for the thread, and is counted among the threads that an actor system
/// waits for when it ends. Nobody else has a handle yet. Consumes the caller's reference.
void abandon_launch(caf::scheduled_actor& actor, caf::strong_actor_ptr handle) noexcept;

/// The error of an actor that gets no thread: `overloaded`, with the reason.
error no_thread(const std::system_error& why);

/// Spawns an actor on a thread of its own. Throws `overloaded` when there is none to be had, and leaves nothing
/// behind then. CAF's own `spawn<detached>` leaves an actor that never ends, and the actor system with it.
template <class F, class... Ts>
auto spawn_detached(caf::actor_system& system, F f, Ts&&... args) {
  using actor_type = caf::infer_impl_from_fun_t<F>;
  caf::actor_config settings;
  settings.host = system.dummy_execution_unit();
  settings.flags |= caf::abstract_actor::is_detached_flag;
  caf::detail::init_fun_factory<actor_type, F> factory;
  settings.init_fun = factory(std::move(f), std::forward<Ts>(args)...);
  auto handle = caf::make_actor<actor_type>(system.next_actor_id(), system.node(), &system, settings);
  auto& actor = static_cast<actor_type&>(*caf::actor_cast<caf::abstract_actor*>(handle));
  try {
    actor.launch(settings.host, false, false);
  } catch (const std::system_error& e) {
    auto reference = caf::actor_cast<caf::strong_actor_ptr>(handle);
    handle = decltype(handle){};
    abandon_launch(actor, std::move(reference));
    throw no_thread(e);
  }
  return handle;
}

/// Spawns an actor that blocks on I/O as a linked and monitored child. Throws `overloaded` when it gets no thread.
template <class F, class... Ts>
auto spawn_blocking(caf::scheduled_actor* self, const environment& env, F f, Ts&&... args) {
  if (env.claim_thread) {
    try {
      env.claim_thread();
    } catch (const std::system_error& e) {
      throw no_thread(e);
    }
  }
  auto handle = env.detached ? spawn_detached(self->home_system(), f, std::forward<Ts>(args)...)
                             : self->home_system().spawn(f, std::forward<Ts>(args)...);
  self->monitor(handle);
  self->link_to(handle);
  return handle;
}

}  // namespace fp
