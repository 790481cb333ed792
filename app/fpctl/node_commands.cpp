#include <CLI/CLI.hpp>

#include "app/fpctl/command.hpp"

namespace fp::ctl {

namespace {

/// What a person should know of an index, the worst alone.
std::string note_of(const index_status& s) {
  if (!s.reason.empty()) return s.reason;
  if (s.damaged_segments == 0) return s.maintenance_error;
  return (s.damaged_segments == 1 ? "damaged segment: " : grouped(s.damaged_segments) + " damaged segments: ") +
         s.damage;
}

exit_code show_status(command_context& c) {
  const auto node = c.node().status();
  std::vector<index_status> indexes;
  for (const auto& entry : node.indexes.indexes) {
    try {
      indexes.push_back(c.node().status(entry.name));
    } catch (const error& e) {
      // Deleted since, or on its way.
      if (e.code() != errc::index_not_found) throw;
    }
  }
  if (c.json_output) {
    auto j = as_json(node);
    j["indexes"] = json::array();
    for (const auto& i : indexes) j["indexes"].push_back(as_json(i));
    c.print_json(j);
    return exit_ok;
  }
  print_fields(c.out, {{"node", c.node().options().address()},
                       {"version", node.version + ", protocol " + std::to_string(node.protocol)},
                       {"pid", std::to_string(node.pid)},
                       {"uptime", duration_text(std::chrono::milliseconds(node.uptime_ms))},
                       {"data folder", node.data_folder},
                       {"loaders", std::to_string(node.loaders_running) + " running, " +
                                       std::to_string(node.loaders_allowed) + " allowed"}});
  if (indexes.empty()) return exit_ok;
  c.out << '\n';
  table t({{"index"},
           {"state"},
           {"version", align::right},
           {"on file", align::right},
           {"files", align::right},
           {"memory", align::right},
           {"log", align::right},
           {"searches", align::right},
           {"updates", align::right},
           {"note"}});
  for (const auto& i : indexes) {
    t.add({i.name, to_string(i.state), grouped(i.version), grouped(i.file_version), grouped(i.num_file_segments),
           grouped(i.num_memory_segments), bytes_text(i.oplog_bytes), grouped(i.searches), grouped(i.updates),
           note_of(i)});
  }
  t.print(c.out);
  return exit_ok;
}

exit_code end_node(command_context& c) {
  // Asked first, because the answer to the shutdown may be lost with the node that gives it.
  const auto node = c.node().status();
  try {
    c.node().shutdown();
  } catch (const error& e) {
    if (e.code() != errc::unreachable) throw;
  }
  if (c.json_output) {
    c.print_json(as_json(node));
  } else {
    c.out << "node " << c.node().options().address() << " (pid " << node.pid << ") shuts down\n";
  }
  return exit_ok;
}

}  // namespace

void add_node_commands(CLI::App& app, command_context& c) {
  app.add_subcommand("status", "Show the node and its indexes")->callback([&c] {
    c.chosen = [&c] { return show_status(c); };
  });
  app.add_subcommand("shutdown", "End the node cleanly")->callback([&c] {
    c.chosen = [&c] { return end_node(c); };
  });
}

}  // namespace fp::ctl
