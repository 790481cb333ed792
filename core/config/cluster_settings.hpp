#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/config/option_list.hpp"
#include "core/slices/slice.hpp"

namespace fp {

/// Whose changes a node follows, and how.
struct cluster_settings {
  bool coordinator = false;          ///< it orders changes itself, in its data folder
  std::string changelog;             ///< a URL; may hold a password
  std::string coordinator_url;       ///< the same by fpindex's name for it: HTTP only
  std::string peers;                 ///< URLs between commas
  std::string changelog_ca;          ///< file of authorities, for https:// alone; empty: the system's
  std::string changelog_token_file;  ///< file of the token that such servers and peers are shown; empty: none
  bool serve_changelog = false;
  std::string node_name;      ///< by which other members know it; empty: they know its address
  std::string slice = "1/1";  ///< of each replica, what the node holds of it
  std::string members;        ///< "host:port" between commas: CAF ports of the other members
  uint32_t bootstrap_timeout_ms = 1'800'000;
  uint32_t replication_timeout_ms = 30'000;
  uint32_t changelog_timeout_ms = 10'000;  ///< of one question
  uint32_t changelog_poll_ms = 250;
  uint32_t changelog_connections = 4;

  bool follows() const noexcept { return coordinator || !changelog.empty() || !coordinator_url.empty(); }
  /// The URL of what is followed; empty for its own, and for none.
  const std::string& url() const noexcept { return changelog.empty() ? coordinator_url : changelog; }
  std::vector<std::string> peer_urls() const;
  fp::slice part() const { return fp::slice::parse(slice); }
  /// Hosts and ports.
  std::vector<std::pair<std::string, uint16_t>> member_addresses() const;
  /// Whether others may follow by way of this node.
  bool serves() const noexcept { return coordinator || (serve_changelog && follows()); }
  /// Connections to it, each of which takes a thread.
  uint32_t num_connections() const noexcept;
};

/// "host:port", where a host of numbers and colons stands in brackets; nothing when a text is none.
std::optional<std::pair<std::string, uint16_t>> member_address(std::string_view text);

void add_options(option_list& o, cluster_settings& c);

}  // namespace fp
