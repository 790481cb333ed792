#include <CLI/CLI.hpp>

#include "app/fpctl/command.hpp"
#include "core/base/printable.hpp"
#include "core/check/failure_advice.hpp"

namespace fp::ctl {

namespace {

/// What a replica takes of all of it, or when it tries again.
std::string base_text(const replica_status& r) {
  std::string text;
  if (!r.donor.empty()) {
    text = (r.resyncing ? "takes a new copy from " : "takes all of it from ") + r.donor;
    if (r.base_size > 0) {
      text += ", " + bytes_text(r.base_bytes) + " of " + bytes_text(r.base_size);
    } else if (r.base_bytes > 0) {
      text += ", " + bytes_text(r.base_bytes) + " so far";
    }
  } else if (r.resyncing) {
    text = "a new copy is wanted";
    if (!r.reason.empty()) text += ": " + r.reason;
  }
  if (r.attempts > 0) {
    text += (text.empty() ? "" : "; ") + grouped(r.attempts) + (r.attempts == 1 ? " try" : " tries") + " failed";
    if (r.next_try_ms > 0) text += ", the next in " + duration_text(std::chrono::milliseconds(r.next_try_ms));
  }
  return text;
}

/// What a person should know of an index, the worst alone.
std::string note_of(const index_status& s) {
  const auto taken = base_text(s.replica);
  if (!s.reason.empty()) {
    if (s.replica.needs_person()) return s.reason + "; " + parked_advice(s.name);
    return s.reason + (taken.empty() ? "" : "; " + taken);
  }
  if (!s.replica.resyncing && !s.replica.reason.empty()) {
    return "does not get on: " + s.replica.reason + (taken.empty() ? "" : "; " + taken);
  }
  if (!taken.empty()) return taken;
  if (s.damaged_segments > 0) {
    return (s.damaged_segments == 1 ? "damaged segment: " : grouped(s.damaged_segments) + " damaged segments: ") +
           s.damage;
  }
  if (!s.upkeep_error.empty() || s.unverified_segments == 0) return s.upkeep_error;
  return grouped(s.unverified_segments) + (s.unverified_segments == 1 ? " segment" : " segments") +
         " not verified yet";
}

/// How far a replica is behind its changelog; nothing of an index that follows none.
std::string behind_text(const replica_status& r) {
  if (r.state.empty()) return "-";
  if (r.behind_changes == 0) return "0";
  return grouped(r.behind_changes) + " (" + duration_text(std::chrono::milliseconds(r.behind_ms)) + ")";
}

std::vector<index_status> statuses_of(command_context& c, const node_status& node) {
  std::vector<index_status> indexes;
  for (const auto& entry : node.indexes.indexes) {
    try {
      indexes.push_back(c.node().status(entry.name));
    } catch (const error& e) {
      // Deleted since, or on its way.
      if (e.code() != errc::index_not_found) throw;
    }
  }
  return indexes;
}

/// For monitoring: says only whether all is well, by the exit code and in a line, and what is not.
exit_code check_node(command_context& c) {
  const auto node = c.node().status();
  const auto indexes = statuses_of(c, node);
  size_t num_bad = 0, num_loading = 0;
  auto troubles = json::array();
  std::vector<std::string> lines;
  for (const auto& i : indexes) {
    const bool loading = i.state == index_state::loading || i.state == index_state::closing;
    const auto note = note_of(i);
    if (i.state == index_state::ready && note.empty()) continue;
    (loading ? num_loading : num_bad)++;
    troubles.push_back({{"name", i.name}, {"state", to_string(i.state)}, {"reason", note}});
    lines.push_back("index " + i.name + " is " + to_string(i.state) + (note.empty() ? "" : ": " + note));
  }
  if (c.json_output) {
    c.print_json({{"indexes", indexes.size()}, {"ok", troubles.empty()}, {"troubles", troubles}});
  } else {
    c.out << grouped(indexes.size()) << " indexes, " << grouped(indexes.size() - num_bad - num_loading)
          << " ready and well\n";
  }
  const auto& log = node.changelog;
  if (!log.failure.empty()) lines.push_back(log.name + ": " + log.failure);
  for (const auto& [name, why] : log.parked) lines.push_back("left alone: " + printable(name) + ": " + why);
  if (!log.failure.empty() || !log.parked.empty()) num_bad++;
  for (const auto& line : lines) c.complain(line);
  return num_bad > 0 ? exit_failed : num_loading > 0 ? exit_incomplete : exit_ok;
}

exit_code show_status(command_context& c) {
  const auto node = c.node().status();
  const auto indexes = statuses_of(c, node);
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
  if (!node.changelog.name.empty()) {
    const auto& log = node.changelog;
    print_fields(c.out, {{"follows", log.name + (log.failure.empty() ? log.caught_up ? "" : ", from its beginning"
                                                                     : ", which fails: " + log.failure)}});
    for (const auto& [name, why] : log.parked) c.out << "left alone: " << printable(name) << ": " << why << "\n";
  }
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
           {"behind", align::right},
           {"note"}});
  for (const auto& i : indexes) {
    t.add({i.name, to_string(i.state), grouped(i.version), grouped(i.file_version), grouped(i.num_file_segments),
           grouped(i.num_memory_segments), bytes_text(i.oplog_bytes), grouped(i.searches), grouped(i.updates),
           behind_text(i.replica), note_of(i)});
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
  auto check = std::make_shared<bool>(false);
  auto* status = app.add_subcommand("status", "Show the node and its indexes");
  status->add_flag("--check", *check,
                   "For monitoring: tell in a line, and by the exit status, whether all is well");
  status->footer(
      "Exit status with --check: 0 every index is ready, undamaged and kept up; 1 one is not, which is named on "
      "standard\n"
      "error; 3 no node answers; 5 an index is loading, and nothing else is wrong.");
  status->callback([&c, check] { c.chosen = [&c, check] { return *check ? check_node(c) : show_status(c); }; });
  app.add_subcommand("shutdown", "End the node cleanly")->callback([&c] {
    c.chosen = [&c] { return end_node(c); };
  });
}

}  // namespace fp::ctl
