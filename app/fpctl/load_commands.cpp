#include <CLI/CLI.hpp>

#include "app/fpctl/command.hpp"
#include "core/check/failure_advice.hpp"
#include "messages/index_states.hpp"

namespace fp::ctl {

namespace {

/// Follows a load until it ends, and tells how it did.
exit_code follow(command_context& c, const std::string& name) {
  load_progress last;
  {
    auto meter = c.make_meter("segments");
    last = c.node().subscribe(name, [&](const load_progress& p) {
      if (p.bytes_total > 0) meter.update({p.bytes_done, p.bytes_total, p.segments_done});
      return true;
    });
  }
  const bool serves = serves_searches(last.state);
  if (c.json_output) {
    c.print_json(as_json(last));
  } else {
    c.out << "index " << safe(name) << " is " << to_string(last.state);
    if (serves) {
      c.out << ": " << last.segments_total << " segments (" << bytes_text(last.bytes_total) << ")";
      if (last.strategy != load_strategy::none) c.out << " by " << to_string(last.strategy) << " loading";
      c.out << ", " << last.replayed_commits << " commits replayed, in "
            << duration_text(std::chrono::microseconds(last.elapsed_us));
    }
    c.out << '\n';
  }
  if (!serves) c.complain("index " + name + " is " + to_string(last.state) + ": " + last.reason);
  if (last.state == index_state::failed) c.complain(failure_advice(c.node().status(name).cause, name));
  return serves ? exit_ok : exit_failed;
}

exit_code reload(command_context& c, const std::string& name) {
  c.node().reload(name);
  return follow(c, name);
}

exit_code resync(command_context& c, const std::string& name, const std::string& part) {
  const auto begun = c.node().resync({name, part});
  if (c.json_output) {
    c.print_json({{"name", name}, {"generation", begun.generation}, {"searched", begun.is_searched}});
    return exit_ok;
  }
  c.out << "index " << safe(name) << ": a new copy of generation " << begun.generation
        << " is being taken; the old "
        << (begun.is_searched ? "one is searched until it is here" : "one is not searched") << ". How far it is: "
        << "fpctl status\n";
  return exit_ok;
}

}  // namespace

void add_load_commands(CLI::App& app, command_context& c) {
  auto name = std::make_shared<std::string>();
  auto* watching = app.add_subcommand("watch", "Follow the loading of an index until it ends");
  watching->add_option("NAME", *name, "The index")->required();
  watching->callback([&c, name] { c.chosen = [&c, name] { return follow(c, *name); }; });
  auto* reloading = app.add_subcommand("reload", "Load a failed or read-only index again, and follow that");
  reloading->add_option("NAME", *name, "The index")->required();
  reloading->callback([&c, name] { c.chosen = [&c, name] { return reload(c, *name); }; });
  auto* resyncing = app.add_subcommand("resync", "Discard this node's copy of a replica, and take a new one");
  const auto part = std::make_shared<std::string>();
  resyncing->add_option("NAME", *name, "The index")->required();
  resyncing->add_option("--slice", *part,
                        "What of it the node is to hold from then on, as 2/4 (default: as configured)");
  resyncing->footer(
      "For a replica that its changelog contradicts, or that nobody trusts any more. The new copy comes from "
      "another\n"
      "node or from the changelog, and takes the place of the old one when it is whole. Where the changelog does "
      "not\n"
      "answer, or does not know the index, nothing is changed.");
  resyncing->callback([&c, name, part] { c.chosen = [&c, name, part] { return resync(c, *name, *part); }; });
}

}  // namespace fp::ctl
