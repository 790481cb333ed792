#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace fp::ctl {

/// What listens at a port.
enum class port_service { nothing, unknown, http, tls, line_protocol, remote_actors };

/// Finds out what listens at a port by how it answers to what is not its protocol, to be asked when no node did.
/// Each wait takes `patience` at most.
port_service probe_port(const std::string& host, uint16_t port, std::chrono::milliseconds patience);

/// A sentence for a person who reached that in place of a node; empty for `nothing` and `unknown`.
std::string advice_for(port_service found, bool with_tls);

}  // namespace fp::ctl
