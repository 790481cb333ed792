#include "actors/metrics_actor.hpp"

namespace fp {

metrics_handle::behavior_type metrics_actor(pooled_actor<metrics_handle::base>* self,
                                            std::shared_ptr<const node_metrics> metrics) {
  keep_exception_text(self);
  return {[=](scrape_atom) { return metrics->text(); }};
}

}  // namespace fp
