#pragma once

#include "app/client/client.hpp"

namespace fp::test {

/// Of a node on this machine.
inline client_options options_for(uint16_t port) {
  client_options o;
  o.port = port;
  return o;
}

}  // namespace fp::test
