#include "app/fpctl/command.hpp"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <map>
#include <tuple>

#include "app/fpctl/standard_output.hpp"
#include "core/config/cluster_settings.hpp"
#include "core/text/input_descriptor.hpp"

namespace fp::ctl {

namespace {

constexpr uint32_t num_threads = 2;

system_config make_settings(const tls_files& files) {
  if (files.certificate.empty()) return system_config(num_threads);
  return system_config(num_threads,
                       tls_credentials(files, tls_role::client, {"--tls-certificate", "--tls-key", "--tls-ca"}));
}

}  // namespace

struct command_context::connections {
  explicit connections(const tls_files& files) : settings(make_settings(files)), system(settings) {}

  system_config settings;
  caf::actor_system system;
  std::map<std::string, client> nodes;  ///< by address
};

command_context::command_context(std::ostream& output, std::ostream& errors, bool errors_on_terminal)
    : out(output), err(errors), err_is_terminal(errors_on_terminal) {}

command_context::~command_context() = default;

uint32_t command_context::ready_wait_ms() const {
  constexpr double longest_s = 86'400, usual_s = 10;
  return static_cast<uint32_t>(std::ceil(std::min(timeout_s.value_or(usual_s), longest_s) * 1000));
}

std::chrono::milliseconds command_context::patience() const {
  return timeout_s ? std::chrono::milliseconds(ready_wait_ms()) : input_descriptor::default_patience;
}

client_options command_context::options() const {
  client_options o;
  o.host = host;
  o.port = port;
  o.connect_timeout = o.request_timeout = std::chrono::milliseconds(ready_wait_ms());
  o.upkeep_timeout = patience();
  return o;
}

command_context::connections& command_context::connect() {
  if (!connections_) connections_ = std::make_unique<connections>(tls);
  return *connections_;
}

client& command_context::node() {
  auto& all = connect();
  const auto o = options();
  return all.nodes.try_emplace(o.address(), all.system, o).first->second;
}

client& command_context::node_at(const std::string& address) {
  auto o = options();
  const auto where = member_address(address);
  if (!where) throw error(errc::bad_request, "\"" + address + "\" is no HOST:PORT");
  std::tie(o.host, o.port) = *where;
  auto& all = connect();
  return all.nodes.try_emplace(o.address(), all.system, o).first->second;
}

void command_context::print_json(const json& document) const {
  out << document.dump(2, ' ', false, json::error_handler_t::replace) << '\n';
}

void command_context::write_bytes(std::span<const std::byte> bytes) const {
  if (&out == &std::cout) {
    write_to_standard_output(bytes, patience());
  } else {
    out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }
}

void command_context::complain(const std::string& message) const { err << "fpctl: " << safe(message) << '\n'; }

progress_meter command_context::make_meter(std::string unit) const {
  return progress_meter(err, err_is_terminal, std::move(unit));
}

}  // namespace fp::ctl
