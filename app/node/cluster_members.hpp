#pragma once

#include "actors/cluster_access.hpp"
#include "core/config/cluster_settings.hpp"

namespace fp {

/// Spawns a connection to each of the other members that the settings name. They connect when they are asked, and
/// end with the node.
cluster_access connect_members(caf::actor_system& system, const cluster_settings& settings);

}  // namespace fp
