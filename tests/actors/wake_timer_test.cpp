#include "actors/wake_timer.hpp"

#include "tests/actors/support/actor_fixture.hpp"

namespace fp {
namespace {

using namespace std::chrono_literals;
using ticking_handle = caf::typed_actor<caf::reacts_to<tick_atom>>;

/// At each tick wants to be woken at times that are past.
struct ticking_state {
  static inline const char* name = "ticking_actor";
  ticking_handle::stateful_pointer<ticking_state> self = nullptr;
  wake_timer timer;
  int ticks = 0;
};

ticking_handle::behavior_type ticking_actor(ticking_handle::stateful_pointer<ticking_state> self) {
  self->state.self = self;
  return {[self](tick_atom) {
    auto& s = self->state;
    const auto now = self->clock().now();
    s.ticks++;
    s.timer.rang(now);
    s.timer.set(self, ticking_handle(self), now - 1s);
    s.timer.set(self, ticking_handle(self), now - 2s);
  }};
}

using wake_timer_test = test::actor_fixture;

TEST_F(wake_timer_test, what_is_overdue_orders_one_tick_however_many_are_on_their_way) {
  const auto actor = system().spawn(ticking_actor);
  constexpr int on_their_way = 5, turns = 12;
  for (int i = 0; i < on_their_way; i++) caf::anon_send(actor, tick_atom_v);
  run();
  for (int i = 0; i < turns; i++) {
    advance(1ms);
    run();
  }
  EXPECT_EQ(state_in<ticking_state>(actor).ticks, on_their_way + turns);
  caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
  run();
}

}  // namespace
}  // namespace fp
