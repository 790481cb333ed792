#include "core/config/cluster_settings.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "core/base/error.hpp"

namespace fp {

namespace {

bool starts_with_one_of(std::string_view text, std::initializer_list<std::string_view> schemes) {
  return std::ranges::any_of(schemes, [&](std::string_view s) { return text.starts_with(s); });
}

bool is_printable(std::string_view text) {
  return text.size() <= 4096 && std::ranges::all_of(text, [](unsigned char c) { return c > 0x20 && c != 0x7f; });
}

bool is_changelog_url(std::string_view text) {
  return text.empty() ||
         (is_printable(text) && starts_with_one_of(text, {"postgresql://", "postgres://", "http://", "https://"}));
}

bool is_http_url_or_empty(std::string_view text) {
  return text.empty() || (is_printable(text) && starts_with_one_of(text, {"http://", "https://"}) &&
                          text.size() > text.find("//") + 2);
}

std::vector<std::string> between_commas(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    parts.emplace_back(text.substr(0, text.find(',')));
    text.remove_prefix(std::min(parts.back().size() + 1, text.size()));
  }
  return parts;
}

bool is_url_list(std::string_view text) {
  return std::ranges::all_of(between_commas(text),
                             [](const std::string& url) { return !url.empty() && is_http_url_or_empty(url); });
}

bool is_slice(std::string_view text) {
  try {
    slice::parse(text);
    return true;
  } catch (const error&) {
    return false;
  }
}

bool is_address_list(std::string_view text) {
  return std::ranges::all_of(between_commas(text),
                             [](const std::string& address) { return member_address(address).has_value(); });
}

bool is_node_name(std::string_view text) { return text.size() <= 255 && is_printable(text); }

}  // namespace

std::optional<std::pair<std::string, uint16_t>> member_address(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  auto host = text.substr(0, colon);
  const auto digits = text.substr(colon + 1);
  uint16_t port = 0;
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (failure != std::errc() || end != digits.data() + digits.size() || port == 0) return std::nullopt;
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host.empty() || !is_printable(host)) return std::nullopt;
  return std::pair(std::string(host), port);
}

std::vector<std::pair<std::string, uint16_t>> cluster_settings::member_addresses() const {
  std::vector<std::pair<std::string, uint16_t>> addresses;
  for (const auto& one : between_commas(members)) {
    if (const auto address = member_address(one)) addresses.push_back(*address);
  }
  return addresses;
}

std::vector<std::string> cluster_settings::peer_urls() const { return between_commas(peers); }

uint32_t cluster_settings::num_connections() const noexcept {
  if (!follows()) return 0;
  // One process writes the files of its own changelog.
  return coordinator ? 1 : std::max(1u, changelog_connections);
}

void add_options(option_list& o, cluster_settings& c) {
  o.on_off(
      "coordinator", c.coordinator,
      "Order the changes of all indexes in a changelog in the data folder, for this node and those that follow it");
  o.text("changelog", c.changelog, is_changelog_url, "postgresql://..., http[s]://... or empty",
         "The changelog that the node follows; empty: none, its indexes are its own");
  o.text("coordinator_url", c.coordinator_url, is_http_url_or_empty, "http[s]://... or empty",
         "The same for a server that speaks fpindex's coordinator protocol");
  o.text("peers", c.peers, is_url_list, "URLs between commas",
         "Nodes that follow the same changelog, from which an empty replica takes its index");
  o.file("changelog_ca", c.changelog_ca,
         "Authorities whose certificates changelog and peers must show where their URLs are https://, PEM; empty: "
         "those of the system");
  o.file("changelog_token_file", c.changelog_token_file,
         "Token that changelog and peers are shown over HTTP; empty: none");
  o.on_off("serve_changelog", c.serve_changelog, "Have others follow the changelog over HTTP by way of this node");
  o.number("bootstrap_timeout_ms", c.bootstrap_timeout_ms, 0, 24 * hour_ms,
           "How long the transfer of a whole index may take, in milliseconds; 0: the default");
  o.number("replication_timeout_ms", c.replication_timeout_ms, 1, hour_ms,
           "How long a write may take until it is in the changelog and in the index, in milliseconds");
  o.number("changelog_timeout_ms", c.changelog_timeout_ms, 1, hour_ms,
           "How long the changelog may take to answer, in milliseconds");
  o.number("changelog_poll_ms", c.changelog_poll_ms, 1, hour_ms,
           "How often the changelog is asked what is new while nothing is, in milliseconds");
  o.number("changelog_connections", c.changelog_connections, 1, 64, "Connections to the changelog");
  o.text("node_name", c.node_name, is_node_name, "at most 255 printable characters",
         "The node's name to other members; empty: its address is");
  o.text("slice", c.slice, is_slice, "NUMBER/COUNT, as in 2/4",
         "What the node holds of each index that follows the changelog; other members hold the rest");
  o.text("members", c.members, is_address_list, "HOST:PORT between commas",
         "CAF ports of the other members, which hold the other slices or the same ones");
  o.hide({"changelog"});
  o.rule([&c] {
    if (!c.follows() && (!c.part().is_whole() || !c.members.empty())) {
      throw error(errc::invalid_configuration,
                  "slice, members: found without a changelog, allowed where the node follows one");
    }
  });
  o.rule([&c] {
    const int given = int{c.coordinator} + int{!c.changelog.empty()} + int{!c.coordinator_url.empty()};
    if (given > 1) {
      throw error(errc::invalid_configuration,
                  "changelog: found more than one of coordinator, changelog and coordinator_url, allowed one");
    }
  });
}

}  // namespace fp
