#include "app/changelog/postgres_address.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <memory>

#include "core/base/error.hpp"
#include "core/base/printable.hpp"

namespace fp {

namespace {

/// As libpq splits lists: an empty element is one.
std::vector<std::string> split_list(const std::string& list) {
  std::vector<std::string> parts;
  size_t begin = 0;
  for (;;) {
    const auto comma = list.find(',', begin);
    parts.push_back(list.substr(begin, comma - begin));
    if (comma == std::string::npos) return parts;
    begin = comma + 1;
  }
}

[[noreturn]] void refuse(const std::string& why) {
  throw error(errc::invalid_configuration, "the changelog's URL: " + why);
}

/// Its element for a host; one element is for all of them.
std::string of_host(const std::vector<std::string>& list, size_t host, size_t num_hosts, const char* what) {
  if (list.empty()) return {};
  if (list.size() == 1) return list.front();
  if (list.size() != num_hosts) refuse("as many " + std::string(what) + " as hosts are needed, or one");
  return list[host];
}

std::string taken(std::map<std::string, std::string>& values, const char* key) {
  const auto node = values.extract(key);
  return node ? node.mapped() : std::string();
}

}  // namespace

std::string postgres_host::shown() const {
  auto text = host.empty() ? address.empty() ? "the local socket" : address : host;
  if (!port.empty()) text += ":" + port;
  return printable(text);
}

bool is_postgres_url(std::string_view url) noexcept {
  return url.starts_with("postgresql://") || url.starts_with("postgres://");
}

postgres_address parse_postgres_url(const std::string& url) {
  const auto* form = "\"postgresql://user@host1,host2/database?parameter=value\" is wanted";
  if (!is_postgres_url(url)) refuse(form);
  // libpq's own messages show the URL, or pieces of it that may be the password.
  char* message = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&::PQconninfoFree)> options(
      ::PQconninfoParse(url.c_str(), &message), ::PQconninfoFree);
  ::PQfreemem(message);
  if (!options) refuse(std::string("libpq does not understand it; ") + form);

  std::map<std::string, std::string> values;
  for (const auto* o = options.get(); o->keyword != nullptr; o++) {
    if (o->val != nullptr && *o->val != '\0') values[o->keyword] = o->val;
  }
  postgres_address a;
  const auto names = taken(values, "host"), addresses = taken(values, "hostaddr"), ports = taken(values, "port");
  const auto host_list = split_list(names.empty() ? addresses : names);
  const auto address_list = addresses.empty() ? std::vector<std::string>() : split_list(addresses);
  const auto port_list = ports.empty() ? std::vector<std::string>() : split_list(ports);
  if (host_list.size() > postgres_address::max_hosts) {
    refuse("more than " + std::to_string(postgres_address::max_hosts) + " hosts");
  }
  for (size_t i = 0; i < host_list.size(); i++) {
    postgres_host h{host_list[i], of_host(address_list, i, host_list.size(), "addresses"),
                    of_host(port_list, i, host_list.size(), "ports")};
    a.shown += (i == 0 ? "" : ",") + h.shown();
    a.hosts.push_back(std::move(h));
  }
  if (const auto name = values.find("dbname"); name != values.end()) a.shown += "/" + printable(name->second);

  taken(values, "target_session_attrs");
  if (const auto text = taken(values, "connect_timeout"); !text.empty()) {
    int seconds = 0;
    const auto end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, seconds);
    if (parsed.ec != std::errc() || parsed.ptr != end) refuse("connect_timeout is no number of seconds");
    if (seconds > 0) a.connect_timeout = std::chrono::seconds(std::clamp(seconds, 1, 3600));
  }
  // An idle session on a machine that is gone is noticed by the first, a statement on its way by the last.
  for (const auto& [key, value] : {std::pair("keepalives_idle", "2"), std::pair("keepalives_interval", "1"),
                                   std::pair("keepalives_count", "3"), std::pair("tcp_user_timeout", "3000"),
                                   std::pair("fallback_application_name", "fpnode")}) {
    values.try_emplace(key, value);
  }
  values["client_encoding"] = "UTF8";
  a.parameters.assign(values.begin(), values.end());
  return a;
}

}  // namespace fp
