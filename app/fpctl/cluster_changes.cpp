#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "app/fpctl/command.hpp"
#include "app/fpctl/take_slice.hpp"
#include "core/slices/replica_map.hpp"
#include "core/slices/slice_split.hpp"
#include "messages/index_states.hpp"

namespace fp::ctl {

namespace {

/// The node that is asked has no address among its members.
std::string address_of(const command_context& c, const member_status& m) {
  return m.address.empty() ? c.address() : m.address;
}

/// Members that have said what they hold, each once.
std::vector<member_status> known_members(const cluster_status& cluster) {
  std::set<uint64_t> seen;
  std::vector<member_status> out;
  for (const auto& m : cluster.members) {
    if (m.slice.instance != 0 && seen.insert(m.slice.instance).second) out.push_back(m);
  }
  return out;
}

bool serves(const member_status& m) { return m.failure.empty() && serves_searches(m.slice.state); }

std::vector<slice_holder> holders(const command_context& c, const cluster_status& cluster) {
  std::vector<slice_holder> out;
  for (const auto& m : known_members(cluster)) {
    out.push_back({address_of(c, m), slice::parse(m.slice.slice), serves(m)});
  }
  return out;
}

void print_changes(const command_context& c, const std::string& index, const std::vector<slice_change>& made) {
  if (c.json_output) {
    json changes = json::array();
    for (const auto& change : made) changes.push_back({{"member", change.who}, {"slice", change.part.text()}});
    c.print_json({{"index", index}, {"changes", std::move(changes)}});
    return;
  }
  for (const auto& change : made) {
    c.out << safe(change.who) << " holds slice " << change.part.text() << " of " << safe(index)
          << "; let its setting `slice` say so, too, for indexes that are made later\n";
  }
}

exit_code split(command_context& c, const std::string& index, const std::string& part,
                const std::vector<std::string>& more) {
  const auto changes = plan_split(holders(c, c.node().cluster(index)), slice::parse(part), more);
  for (const auto& change : changes) take_slice(c, index, change);
  print_changes(c, index, changes);
  return exit_ok;
}

/// Why a node cannot be done without; empty: it can.
std::string why_needed(command_context& c, const std::string& who) {
  std::string out;
  for (const auto& entry : c.node().list().indexes) {
    cluster_status cluster;
    try {
      cluster = c.node().cluster(entry.name);
    } catch (const error& e) {
      if (e.code() == errc::bad_request) continue;  // not in slices
      throw;
    }
    std::vector<slice_replica> replicas;
    for (const auto& m : known_members(cluster)) {
      const bool stays = serves(m) && !m.slice.is_draining && address_of(c, m) != who;
      replicas.push_back({0, slice::parse(m.slice.slice), 0, stays});
    }
    const replica_map map(replicas);
    const auto tiling = map.choose_tiling([](const slice_replica& r) { return r.serves; });
    std::string missing = tiling.fault;
    for (const auto at : tiling.missing)
      missing += (missing.empty() ? "slice " : ", ") + map.holders()[at].part.text();
    if (!missing.empty()) out += (out.empty() ? "index " : "; index ") + entry.name + ": " + missing;
  }
  return out;
}

/// The address of a member by its address or its name.
std::string find_member(command_context& c, const std::string& who) {
  if (who.find(':') != std::string::npos) return who;
  for (const auto& entry : c.node().list().indexes) {
    try {
      for (const auto& m : c.node().cluster(entry.name).members) {
        if (m.slice.node == who) return address_of(c, m);
      }
    } catch (const error& e) {
      if (e.code() != errc::bad_request) throw;
    }
  }
  throw error(errc::bad_request, "no member is known by the name " + who);
}

exit_code drain(command_context& c, const std::string& name, bool undo, bool force) {
  const auto who = find_member(c, name);
  if (!undo && !force) {
    if (const auto why = why_needed(c, who); !why.empty()) {
      throw error(errc::slice_unavailable, "without " + who + " nobody answers for all documents: " + why +
                                               "; --force drains it all the same");
    }
  }
  const auto reply = c.node_at(who).drain(!undo);
  if (c.json_output) {
    c.print_json({{"member", who}, {"draining", !undo}, {"was_draining", reply.was_on}});
  } else {
    c.out << safe(who)
          << (undo ? " is asked again as all others are\n"
                   : " is asked only what nobody else can answer, until it is stopped or drained no more\n");
  }
  return exit_ok;
}

exit_code move(command_context& c, const std::string& index, const std::string& part, const std::string& from,
               const std::string& to) {
  const slice moved = slice::parse(part);
  const auto source = find_member(c, from), target = find_member(c, to);
  const auto all = holders(c, c.node().cluster(index));
  const auto holds = [&](const std::string& who) {
    return std::ranges::any_of(all, [&](const auto& h) { return h.who == who && h.part == moved && h.serves; });
  };
  if (!holds(source)) throw error(errc::bad_request, source + " does not serve slice " + part + " of " + index);
  std::vector<slice_change> made;
  if (!holds(target)) {
    made.push_back({target, moved});
    take_slice(c, index, made.back());
  }
  print_changes(c, index, made);
  c.node_at(source).drain(true);
  if (!c.json_output) c.out << safe(source) << " is asked only what nobody else can answer: it may be stopped\n";
  return exit_ok;
}

}  // namespace

void add_cluster_changes(CLI::App& cluster, command_context& c) {
  struct arguments {
    std::string index, part, from, to, who;
    std::vector<std::string> more;
    bool undo = false, force = false;
  };
  const auto a = std::make_shared<arguments>();

  auto* splitting = cluster.add_subcommand("split", "Have the replicas of a slice hold its halves");
  splitting->add_option("INDEX", a->index, "The index")->required();
  splitting->add_option("SLICE", a->part, "The slice, as 2/4")->required();
  splitting->add_option("--to", a->more, "HOST:PORT of a node that is to hold a half, too; may be repeated");
  splitting->footer(
      "One node after the other, so that searches and writes go on. Where it breaks off, say it once more.");
  splitting->callback([&c, a] { c.chosen = [&c, a] { return split(c, a->index, a->part, a->more); }; });

  auto* moving = cluster.add_subcommand("move", "Have another node hold a slice");
  moving->add_option("INDEX", a->index, "The index")->required();
  moving->add_option("SLICE", a->part, "The slice, as 2/4")->required();
  moving->add_option("--from", a->from, "The member that holds it, which is then drained")->required();
  moving->add_option("--to", a->to, "The member that is to hold it")->required();
  moving->callback([&c, a] { c.chosen = [&c, a] { return move(c, a->index, a->part, a->from, a->to); }; });

  auto* draining = cluster.add_subcommand("drain", "Have a node asked only what nobody else can answer");
  draining->add_option("NODE", a->who, "Its name, or HOST:PORT")->required();
  draining->add_flag("--undo", a->undo, "Have it asked again");
  draining->add_flag("--force", a->force, "Even if nobody else holds what it does");
  draining->footer("Before it is stopped. It holds until the node ends.");
  draining->callback([&c, a] { c.chosen = [&c, a] { return drain(c, a->who, a->undo, a->force); }; });
}

}  // namespace fp::ctl
