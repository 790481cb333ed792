#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "app/api/http_settings.hpp"
#include "app/gateway/line_settings.hpp"
#include "app/tls/tls_settings.hpp"
#include "core/config/config.hpp"

namespace fp {

/// How other actors reach a node, and how far its doors are open; each is an option.
struct remote_settings {
  std::string caf_host = "127.0.0.1";
  port_setting caf_port{true, 8090};
  bool caf_tls = false;         ///< both sides show a certificate of `tls_ca`
  bool allow_insecure = false;  ///< remote actors without TLS and the line protocol beyond loopback
};

/// All settings of a node: those of each room.
struct node_config : config, http_settings, line_settings, tls_settings, remote_settings {
  /// Where the line protocol is listened for.
  const std::string& line_host() const noexcept { return legacy_host.empty() ? host : legacy_host; }
};

/// The options of a node, bound to `c`, in the order of config/README.md.
option_list node_options(node_config& c);

/// The options as a Markdown table (key, flag, default, allowed, whether it may change at run time, meaning), as
/// config/README.md shows it.
std::string config_table_markdown();

/// Reads a configuration and checks it all. Throws `invalid_configuration` as `option_list` does.
node_config parse_config(std::string_view json, std::string_view source_name);

/// Parses a file. What no single key shows is not checked yet: `validate` sees it when flags have had their say.
node_config load_config(file_system& fs, const path& file);

/// Overrides one setting by its command-line flag and text, e.g. ("--caf-port", "0"). Same errors.
void apply_flag(node_config& c, std::string_view flag, std::string_view value);

/// Checks every value, and what no single key can. To be called again after flags.
void validate(const node_config& c);

/// What people are told as a setting's default.
std::string shown_default(const option& o);

}  // namespace fp
