#include "app/support/system_config.hpp"

#include <caf/actor_system.hpp>
#include <caf/io/middleman.hpp>
#include <caf/io/network/default_multiplexer.hpp>
#include <caf/openssl/manager.hpp>
#include <future>
#include <sstream>

#include "app/tls/tls_error_queue.hpp"

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

system_config::system_config(uint32_t threads, const tls_credentials& credentials) : system_config(threads) {
  keep_tls_errors_apart();
  tls_files_ = std::make_unique<tls_memory_files>(credentials);
  const tls_files names = tls_files_->names();
  load<caf::openssl::manager>();
  // Without these CAF would speak TLS with anybody.
  set("openssl.certificate", names.certificate);
  set("openssl.key", names.key);
  set("openssl.cafile", names.ca);
}

void system_config::replace_tls(caf::actor_system& system, const tls_credentials& credentials) {
  tls_memory_files newer(credentials);
  std::promise<void> replaced;
  // On the thread that accepts connections, so that none takes a certificate and the key of another.
  system.middleman().backend().post([&] {
    tls_files_->replace(std::move(newer));
    replaced.set_value();
  });
  replaced.get_future().wait();
}

}  // namespace fp
