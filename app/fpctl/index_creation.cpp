#include "app/fpctl/index_creation.hpp"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "app/fpctl/take_slice.hpp"
#include "messages/index_states.hpp"

namespace fp::ctl {

namespace {

json as_json(const std::string& name, const create_index_reply& made) {
  return {{"name", name},
          {"generation", made.generation},
          {"version", made.version},
          {"ready", made.ready},
          {"created", made.created}};
}

void print_created(const command_context& c, const std::string& name, const create_index_reply& made) {
  c.out << "index " << safe(name) << (made.created ? " created" : " was there already") << ", generation "
        << made.generation << (made.ready ? "" : ", not ready yet") << '\n';
}

struct left_out_member {
  std::string who, why;
};

/// The members of a cluster, each once, with what they hold of an index.
struct members_view {
  std::vector<slice_holder> members;
  std::vector<left_out_member> left_out;  ///< they cannot be asked
  bool is_written = false;                ///< there are commits
};

/// What a node holds of an index, once the index has come to it.
slice_status wait_for_index(const command_context& c, client& node, const std::string& name, uint64_t generation) {
  // One of its own would be made by a node without.
  if (node.status().changelog.name.empty()) throw error(errc::bad_request, "it follows no changelog");
  node.create_index({name, false, {}});
  node.info(name, {c.ready_wait_ms()});
  auto here = node.held_slice(name);
  if (here.generation != generation) {
    throw error(errc::bad_request, "it has generation " + std::to_string(here.generation) + ", and not " +
                                       std::to_string(generation) + ": it follows another changelog");
  }
  if (!serves_searches(here.state))
    throw error(errc::index_not_ready, to_string(here.state) + (": " + here.reason));
  return here;
}

std::vector<member_status> members_of(command_context& c, const std::string& name) {
  try {
    return c.node().cluster(name).members;
  } catch (const error& e) {
    if (e.code() != errc::bad_request) throw;
    throw error(errc::bad_request,
                c.address() + " has no members to hold slices: its setting `members` names none");
  }
}

members_view look_at_members(command_context& c, const std::string& name, uint64_t generation) {
  members_view out;
  std::set<uint64_t> seen;
  const auto look = [&](const std::string& who) {
    try {
      const auto here = wait_for_index(c, c.node_at(who), name, generation);
      if (!seen.insert(here.instance).second) return;
      out.members.push_back({who, slice::parse(here.slice), true, here.is_draining});
      out.is_written = out.is_written || here.info.version > 0;
    } catch (const error& e) {
      out.left_out.push_back({who, e.what()});
    }
  };
  const auto members = members_of(c, name);
  look(c.address());
  for (const auto& m : members) {
    if (!m.address.empty()) look(m.address);
  }
  return out;
}

std::vector<slice_change> plan(const members_view& known, const std::string& name, uint32_t count) {
  try {
    return plan_slices(known.members, count, known.is_written);
  } catch (const error& e) {
    std::string why = "index " + name + ": " + e.what();
    if (e.code() == errc::index_already_exists) why += "; `fpctl cluster split` and `move` rearrange it";
    for (const auto& [who, failure] : known.left_out) why += "; " + who + ": " + failure;
    throw error(e.code(), why);
  }
}

/// Deletes an index that was made for nothing, if nobody else can have made or used it: what a node that lags
/// behind its changelog calls created may have been there for long.
void take_back(command_context& c, const std::string& name, bool had_caught_up) {
  std::string why = "is in use already";
  try {
    const auto here = c.node().held_slice(name);
    if (!had_caught_up) {
      why = "stays: " + c.address() + " lagged behind its changelog, and somebody else may have made it";
    } else if (serves_searches(here.state) && here.info.version == 0) {
      c.node().delete_index({name, false});
      return;
    }
  } catch (const error& e) {
    why = std::string("is not deleted again: ") + e.what();
  }
  c.complain("index " + name + " has been created, and " + why);
}

void print_holders(const command_context& c, const std::string& name, const create_index_reply& made,
                   uint32_t count, const members_view& known, const std::vector<slice_change>& changes) {
  auto report = as_json(name, made);
  auto members = json::array(), left_out = json::array();
  if (!c.json_output) print_created(c, name, made);
  for (const auto& m : known.members) {
    const auto change = std::ranges::find(changes, m.who, &slice_change::who);
    const auto part = (change == changes.end() ? m.part : change->part).text();
    members.push_back({{"member", m.who}, {"slice", part}, {"changed", change != changes.end()}});
    if (!c.json_output) c.out << safe(m.who) << " holds slice " << part << '\n';
  }
  for (const auto& [who, why] : known.left_out) {
    left_out.push_back({{"member", who}, {"failure", why}});
    c.complain(who + " is left out: " + why);
  }
  if (!c.json_output) return;
  report["slices"] = count;
  report["members"] = std::move(members);
  report["left_out"] = std::move(left_out);
  c.print_json(report);
}

}  // namespace

exit_code create_index(command_context& c, const create_index_request& request) {
  const auto made = c.node().create_index(request);
  if (c.json_output) {
    c.print_json(as_json(request.name, made));
  } else {
    print_created(c, request.name, made);
  }
  return exit_ok;
}

exit_code create_in_slices(command_context& c, const create_index_request& request, uint32_t count) {
  const auto& name = request.name;
  const auto changelog = c.node().status().changelog;
  if (changelog.name.empty()) {
    throw error(errc::bad_request,
                c.address() + " follows no changelog: the members of an index in slices all follow one");
  }
  const auto made = c.node().create_index(request);
  members_view known;
  std::vector<slice_change> changes;
  try {
    known = look_at_members(c, name, made.generation);
    changes = plan(known, name, count);
  } catch (const error&) {
    if (made.created) take_back(c, name, changelog.caught_up);
    throw;
  }
  for (const auto& change : changes) take_slice(c, name, change);
  print_holders(c, name, made, count, known, changes);
  return known.left_out.empty() ? exit_ok : exit_incomplete;
}

}  // namespace fp::ctl
