#include "app/node/cluster_members.hpp"

#include "app/client/connection_actor.hpp"

namespace fp {

namespace {

// Who takes longer is taken for one that is not there: others hold the same.
constexpr std::chrono::milliseconds connect_timeout{2'000}, request_timeout{1'000};

// Of all indexes together.
constexpr size_t max_pending = 20'000;

}  // namespace

cluster_access connect_members(caf::actor_system& system, const cluster_settings& settings) {
  cluster_access cluster;
  for (const auto& [host, port] : settings.member_addresses()) {
    client_options options;
    options.host = host;
    options.port = port;
    options.connect_timeout = connect_timeout;
    options.request_timeout = request_timeout;
    options.max_pending = max_pending;
    cluster.members.push_back({options.address(), member_handle(system.spawn(connection_actor, options))});
  }
  return cluster;
}

}  // namespace fp
