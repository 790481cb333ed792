#include "actors/spawn_blocking.hpp"

#include <caf/detail/private_thread.hpp>

namespace fp {

namespace {

/// CAF keeps the thread of an actor where only derived classes see it.
struct thread_of : caf::scheduled_actor {
  static caf::detail::private_thread* in(caf::scheduled_actor& actor) {
    return actor.*(&thread_of::private_thread_);
  }
};

}  // namespace

void abandon_launch(caf::scheduled_actor& actor, caf::strong_actor_ptr handle) noexcept {
  auto& system = actor.home_system();
  // It takes part in no conversation, so ending it here is as good as on its own thread: its state goes, and its
  // place in the registry.
  actor.context(system.dummy_execution_unit());
  actor.finalize();
  auto* thread = thread_of::in(actor);
  // The reference that the thread would have given back, then the last one: the actor goes, and tells the object.
  caf::intrusive_ptr_release(actor.ctrl());
  handle = nullptr;
  thread->await_self_destroyed();
  delete thread;
  system.dec_detached_threads();
}

error no_thread(const std::system_error& why) {
  return {errc::overloaded, "cannot start a thread: " + why.code().message()};
}

}  // namespace fp
