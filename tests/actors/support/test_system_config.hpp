#pragma once

#include <caf/all.hpp>

#include "messages/types.hpp"

namespace fp::test {

struct test_system_config : caf::actor_system_config {
  /// `deterministic`: actors run one message at a time, when told to, on a clock that moves only when told to.
  explicit test_system_config(bool deterministic) {
    register_messages(*this);
    if (deterministic) {
      set("scheduler.policy", caf::atom("testing"));
      set("logger.inline-output", true);
    }
  }
};

}  // namespace fp::test
