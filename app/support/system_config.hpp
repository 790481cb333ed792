#pragma once

#include <caf/all.hpp>
#include <caf/io/all.hpp>

#include "core/config/config.hpp"
#include "messages/types.hpp"

namespace fp {

/// The CAF configuration of a program that speaks with nodes. CAF's own configuration files are not read: they
/// ignore typing errors silently.
class system_config : public caf::actor_system_config {
 public:
  explicit system_config(uint32_t threads = 0);
};

}  // namespace fp
