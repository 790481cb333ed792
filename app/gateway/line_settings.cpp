#include "app/gateway/line_settings.hpp"

#include "core/base/error.hpp"
#include "core/index/data_folder.hpp"

namespace fp {

void add_options(option_list& o, line_settings& c) {
  o.host_or_empty("legacy_host", c.legacy_host,
                  "Address that the node listens on for the line protocol; empty: that for HTTP");
  o.optional_port("legacy_port", c.legacy_port,
                  "Port that the node listens on for the line protocol; 0 or off does not listen, any picks a free "
                  "one");
  o.text("legacy_index", c.legacy_index, is_valid_index_name, "1 to 255 letters, digits, _ and -",
         "Index that the line protocol serves; created when it is missing, but not by a replica of a changelog");
  o.rule([&c] {
    if (!is_reserved_index_name(c.legacy_index)) return;
    throw error(errc::invalid_configuration,
                "legacy_index: found \"" + c.legacy_index + "\", a name that requests about the node have");
  });
  o.number("legacy_max_connections", c.legacy_max_connections, 1, 1'000'000,
           "Connections of the line protocol that may be open; more are closed");
  o.number("legacy_max_transaction_bytes", c.legacy_max_transaction_bytes, KiB, 1024 * GiB,
           "Bytes that the open transactions of the line protocol may hold together");
  o.number("legacy_write_timeout_ms", c.legacy_write_timeout_ms, 1, hour_ms,
           "How long a client of the line protocol may not take its answers, in milliseconds");
}

}  // namespace fp
