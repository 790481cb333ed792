#include "app/support/system_config.hpp"

#include <sstream>

namespace fp {

system_config::system_config(uint32_t threads) {
  load<caf::io::middleman>();
  register_messages(*this);
  std::istringstream nothing;
  parse(caf::actor_system_config::string_list{}, nothing);
  set("scheduler.policy", caf::atom("sharing"));
  if (threads > 0) set("scheduler.max-threads", static_cast<size_t>(threads));
  set("middleman.workers", size_t{0});
  // A peer built with other message layouts is refused in the handshake instead of being misread.
  set("middleman.app-identifiers", std::vector<std::string>{"fpnode-protocol-" + std::to_string(protocol_version)});
  set("middleman.heartbeat-interval", caf::timespan(std::chrono::seconds(1)));
  set("middleman.connection-timeout", caf::timespan(std::chrono::seconds(10)));
}

}  // namespace fp
