#include "app/node/node_config.hpp"

#include <arpa/inet.h>

#include "core/base/error.hpp"
#include "core/base/printable.hpp"

namespace fp {

namespace {

[[noreturn]] void invalid(const std::string& message) { throw error(errc::invalid_configuration, message); }

bool is_loopback(const std::string& host) {
  in_addr address;
  if (inet_pton(AF_INET, host.c_str(), &address) == 1) return ntohl(address.s_addr) >> 24 == 127;
  in6_addr wide;
  if (inet_pton(AF_INET6, host.c_str(), &wide) == 1) return IN6_IS_ADDR_LOOPBACK(&wide);
  return host == "localhost";
}

/// Refuses what would let others in unasked.
void validate_door(const node_config& c) {
  if (c.caf_tls) {
    for (const auto& [key, file] : {std::pair("tls_certificate", &c.tls_certificate),
                                    std::pair("tls_key", &c.tls_key), std::pair("tls_ca", &c.tls_ca)}) {
      if (file->empty()) invalid(std::string(key) + ": found no file, needed by caf_tls");
    }
  }
  const auto only_loopback = [&c](std::string_view key, const std::string& host, std::string_view way_out) {
    if (c.allow_insecure || is_loopback(host)) return;
    invalid(std::string(key) + ": found " + fp::quoted(host) + ", allowed without TLS a loopback address; " +
            std::string(way_out) + "allow_insecure opens it to everybody who reaches that address");
  };
  if (c.caf_port.enabled && !c.caf_tls)
    only_loopback("caf_host", c.caf_host, "caf_tls closes the port to strangers, ");
  if (c.legacy_port.enabled) {
    const bool follows = c.legacy_host.empty();
    only_loopback(follows ? "legacy_host, which follows host" : "legacy_host", c.line_host(),
                  "the line protocol has no TLS, ");
  }
}

bool is_wildcard(const std::string& host) { return host == "0.0.0.0" || host == "::"; }

/// Whether two listeners are in each other's way when they have one port. Names may resolve to anything.
bool same_address(const std::string& a, const std::string& b) {
  if (a == b || is_wildcard(a) || is_wildcard(b)) return true;
  return (a == "localhost" && is_loopback(b)) || (b == "localhost" && is_loopback(a));
}

void validate_ports(const node_config& c) {
  struct listener {
    std::string_view key;
    const std::string& host;
    const port_setting& port;
  };
  const listener all[] = {{"port", c.host, c.port},
                          {"legacy_port", c.line_host(), c.legacy_port},
                          {"caf_port", c.caf_host, c.caf_port}};
  for (const listener& later : all) {
    for (const listener& earlier : all) {
      if (&earlier == &later) break;
      if (!earlier.port.enabled || !later.port.enabled || later.port.port == 0) continue;
      if (earlier.port.port != later.port.port || !same_address(earlier.host, later.host)) continue;
      invalid(std::string(later.key) + ": found " + std::to_string(later.port.port) + ", which is " +
              std::string(earlier.key) + " already");
    }
  }
}

}  // namespace

option_list node_options(node_config& c) {
  option_list o;
  add_data_folder_option(o, c);
  add_options(o, static_cast<http_settings&>(c));
  add_options(o, static_cast<line_settings&>(c));
  o.host("caf_host", c.caf_host, "Address that the node listens on for other actors");
  o.port("caf_port", c.caf_port,
         "Port that the node listens on for other actors; 0 picks a free one, off does not listen");
  add_options(o, static_cast<tls_settings&>(c));
  o.on_off("caf_tls", c.caf_tls, "Other actors reach the node by TLS alone, and both sides show certificates");
  o.on_off("allow_insecure", c.allow_insecure,
           "Allow other actors without TLS, and the line protocol, on addresses other than loopback");
  add_index_options(o, c);
  o.rule([&c] { validate_door(c); });
  o.rule([&c] { validate_ports(c); });
  return o;
}

std::string shown_default(const option& o) { return shown_value(o, value_text(o)); }

std::string config_table_markdown() {
  std::string table =
      "| key | flag | default | allowed | SIGHUP | meaning |\n| --- | --- | --- | --- | --- | --- |\n";
  node_config defaults;
  const auto options = node_options(defaults);
  for (const option& o : options.options()) {
    table += "| `" + std::string(o.key) + "` | `" + o.flag + "` | `" + shown_default(o) + "` | " + o.allowed +
             (o.may_change ? " | yes | " : " | no | ") + std::string(o.help) + " |\n";
  }
  return table;
}

node_config parse_config(std::string_view json, std::string_view source_name) {
  node_config c;
  auto options = node_options(c);
  options.read(json, source_name);
  try {
    options.validate();
  } catch (const error& e) {
    invalid(shown_source(source_name) + ": " + e.what());
  }
  return c;
}

node_config load_config(file_system& fs, const path& file) {
  node_config c;
  node_options(c).load(fs, file);
  return c;
}

void apply_flag(node_config& c, std::string_view flag, std::string_view value) {
  node_options(c).apply_flag(flag, value);
}

void validate(const node_config& c) {
  auto scratch = c;
  node_options(scratch).validate();
}

}  // namespace fp
