#pragma once

#include <caf/actor_system_config.hpp>
#include <memory>

#include "app/tls/tls_memory_files.hpp"
#include "messages/types.hpp"

namespace fp {

/// The CAF configuration of a program that speaks with nodes. CAF's own configuration files are not read: they
/// ignore typing errors silently.
class system_config : public caf::actor_system_config {
 public:
  explicit system_config(uint32_t threads = 0);
  /// With mutual TLS: for who publishes by `caf::openssl`, and for every connection of a `client`.
  system_config(uint32_t threads, const tls_credentials& credentials);

  /// Has new connections of a system with TLS use other files; connections that there are go on. Returns when it
  /// holds. Throws `io_error`, and then the files that there were stay in use.
  void replace_tls(caf::actor_system& system, const tls_credentials& credentials);

 private:
  std::unique_ptr<tls_memory_files> tls_files_;
};

}  // namespace fp
