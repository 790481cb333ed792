#pragma once

#include <cstdint>
#include <string>

#include "core/config/option_list.hpp"

namespace fp {

/// The settings of the line protocol; each is an option.
struct line_settings {
  std::string legacy_host;  ///< empty: where HTTP listens
  port_setting legacy_port{false, 0};
  std::string legacy_index = "main";
  uint32_t legacy_max_connections = 1'024;
  uint64_t legacy_max_transaction_bytes = uint64_t{256} << 20;  ///< of all connections together
  uint32_t legacy_write_timeout_ms = 30'000;                    ///< for a client that takes no more of an answer
};

void add_options(option_list& o, line_settings& c);

}  // namespace fp
