#include "actors/measuring_actors.hpp"

#include "actors/history_actor.hpp"
#include "actors/metrics_actor.hpp"

namespace fp {

measuring_actors::measuring_actors(caf::actor_system& system, const std::shared_ptr<const node_metrics>& metrics,
                                   const blocking_pools* pools)
    : text_(spawn_pooled(system, pools, blocking_work::searches, metrics_actor, metrics)),
      history_(system.spawn(history_actor, metrics)) {}

measuring_actors::~measuring_actors() {
  caf::anon_send_exit(text_, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(history_, caf::exit_reason::user_shutdown);
}

}  // namespace fp
