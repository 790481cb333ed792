#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "app/fpctl/command.hpp"
#include "core/slices/slice.hpp"

namespace fp::ctl {

namespace {

json member_json(const member_status& m) {
  return {{"address", m.address},
          {"node", m.slice.node},
          {"slice", m.slice.slice},
          {"state", m.slice.instance == 0 ? "unknown" : to_string(m.slice.state)},
          {"failure", m.failure},
          {"draining", m.slice.is_draining},
          {"version", m.slice.info.version},
          {"behind_ms", m.slice.behind_ms},
          {"documents", m.slice.info.num_documents},
          {"bytes", m.slice.info.num_bytes},
          {"in_flight", m.in_flight},
          {"asked", m.asked},
          {"hedged", m.hedged},
          {"failures", m.failures},
          {"mean_us", m.mean_us},
          {"percentile_95_us", m.percentile_95_us}};
}

/// By slices, and then as they are configured.
std::vector<member_status> in_order(std::vector<member_status> members) {
  const auto key = [](const member_status& m) {
    return m.slice.instance == 0 ? std::pair(true, slice()) : std::pair(false, slice::parse(m.slice.slice));
  };
  std::ranges::stable_sort(members, {}, key);
  return members;
}

exit_code show_cluster(command_context& c, const std::string& index) {
  const auto status = c.node().cluster(index);
  if (c.json_output) {
    json members = json::array();
    for (const auto& m : status.members) members.push_back(member_json(m));
    c.print_json({{"index", index}, {"fault", status.fault}, {"members", std::move(members)}});
    return status.fault.empty() ? exit_ok : exit_failed;
  }
  table t({{"slice"},
           {"member"},
           {"state"},
           {"version", align::right},
           {"behind", align::right},
           {"documents", align::right},
           {"size", align::right},
           {"asked", align::right},
           {"under way", align::right},
           {"mean", align::right},
           {"95 %", align::right}});
  for (const auto& m : in_order(status.members)) {
    const auto& s = m.slice;
    const auto address = m.address.empty() ? "this node" : m.address;
    const bool is_known = s.instance != 0;
    const auto us = [&](uint64_t time) { return m.asked == 0 ? "-" : grouped(time) + " us"; };
    t.add({is_known ? s.slice : "?", safe(s.node.empty() ? address : s.node + " (" + address + ")"),
           !m.failure.empty() ? "not asked"
           : s.is_draining    ? "draining"
                              : to_string(s.state),
           is_known ? grouped(s.info.version) : "-",
           is_known ? duration_text(std::chrono::milliseconds(s.behind_ms)) : "-",
           is_known ? grouped(s.info.num_documents) : "-", is_known ? bytes_text(s.info.num_bytes) : "-",
           grouped(m.asked), grouped(m.in_flight), us(m.mean_us), us(m.percentile_95_us)});
  }
  t.print(c.out);
  for (const auto& m : status.members) {
    if (!m.failure.empty()) {
      c.out << safe((m.address.empty() ? "this node" : m.address) + ": " + m.failure) << "\n";
    }
  }
  if (status.fault.empty()) return exit_ok;
  c.out << "searches fail: " << safe(status.fault) << "\n";
  return exit_failed;
}

}  // namespace

void add_cluster_commands(CLI::App& app, command_context& c) {
  auto* cluster =
      app.add_subcommand("cluster", "Look at and rearrange an index that lies in slices on several nodes");
  cluster->require_subcommand(1);
  const auto index = std::make_shared<std::string>();
  auto* status = cluster->add_subcommand("status", "Show who holds which slice, and how it answers");
  status->add_option("INDEX", *index, "The index")->required();
  status->footer(
      "As the node that is asked sees it. Exit status 1 where some documents are found nowhere at the moment.");
  add_cluster_changes(*cluster, c);
  status->callback([&c, index] { c.chosen = [&c, index] { return show_cluster(c, *index); }; });
}

}  // namespace fp::ctl
