#include <algorithm>
#include <utility>

#include "actors/search_router.hpp"
#include "messages/index_states.hpp"

namespace fp {

namespace {

constexpr std::chrono::seconds heartbeat_every{1};

uint64_t in_us(slice_router::duration d) {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(d).count());
}

}  // namespace

slice_target search_router_state::target_of(member_number member) const {
  const auto& slice = members[member].slice;
  return {slice.instance, setup.record.lineage, slice.slice};
}

caf::error search_router_state::wrong_target(const slice_target& target) const {
  const auto refuse = [&](const std::string& why) {
    return make_error(errc::index_not_ready, "index " + setup.record.name + ": " + why);
  };
  if (target.instance != setup.env->instance) return refuse("this is another member, or another start of it");
  if (target.generation != setup.record.lineage) {
    return refuse("generation " + std::to_string(setup.record.lineage) + " is here, asked for " +
                  std::to_string(target.generation));
  }
  if (target.slice != own.text()) return refuse("slice " + own.text() + " is here, asked for " + target.slice);
  return {};
}

void search_router_state::heartbeat() {
  end_late_calls();
  for (member_number m = 0; m < members.size(); ++m) ping(m);
  note_numbers();
  self->delayed_send(search_router_handle(self), heartbeat_every, next_atom_v);
}

void search_router_state::ping(member_number member) {
  auto& m = members[member];
  if (m.is_asked) return;
  m.is_asked = true;
  const auto told = [this, member](const slice_status& status) { note_status(member, status); };
  const auto failed = [this, member](const caf::error& e) {
    note_failure(member, text_of(e));
    // One that is only silent may still answer what it was asked.
    if (member != this_node && code_of(e) != errc::request_timeout) lose_index(member, to_core_error(e));
  };
  if (member == this_node) {
    self->request(setup.local, caf::infinite, slice_atom_v).then(told, failed);
  } else {
    self->request(m.handle, caf::infinite, setup.record.name, slice_atom_v).then(told, failed);
  }
}

void search_router_state::note_status(member_number member, const slice_status& status) {
  auto& m = members[member];
  m.is_asked = false;
  const bool is_other_start = m.has_answered && m.slice.instance != 0 && m.slice.instance != status.instance;
  if (is_other_start) {
    setup.env->log->info("{}: member {} has started anew", setup.record.name, m.address);
    lose_index(member, error(errc::unreachable, m.address + " has started anew"));
  }
  m.slice = status;
  std::string failure;
  std::optional<slice_replica> replica;
  try {
    const auto is_same_start = [&](const member_state& other) {
      return &other != &m && other.slice.instance == status.instance && other.replica;
    };
    const bool is_this_node = member != this_node && status.instance == setup.env->instance;
    m.is_known_twice = is_this_node || std::ranges::any_of(members, is_same_start);
    if (is_this_node) {
      failure = "it is this node itself";
    } else if (m.is_known_twice) {
      failure = "it is another member, by another address";
    } else if (status.generation != setup.record.lineage) {
      failure = "generation " + std::to_string(status.generation) + " is there, " +
                std::to_string(setup.record.lineage) + " here";
    } else {
      const bool serves = serves_searches(status.state);
      replica = slice_replica{member, slice::parse(status.slice), status.info.version, serves, status.is_draining};
      if (!serves)
        failure = std::string(to_string(status.state)) + (status.reason.empty() ? "" : ": " + status.reason);
    }
  } catch (const error& e) {
    failure = e.what();
  }
  if (failure != m.failure && !m.address.empty()) {
    auto& log = *setup.env->log;
    failure.empty() ? log.info("{}: member {} answers, with slice {}", setup.record.name, m.address, status.slice)
                    : log.warn("{}: member {} is not asked: {}", setup.record.name, m.address, failure);
  }
  m.failure = failure;
  const bool is_new = m.replica != replica;
  m.replica = replica;
  if (m.replica) find_index(member);
  if (is_new) update_replicas();
  router->heard(member, now());
  m.has_answered = true;
  note_first_round();
}

void search_router_state::note_failure(member_number member, const std::string& why) {
  auto& m = members[member];
  m.is_asked = false;
  if (m.failure != why && !m.address.empty()) {
    setup.env->log->warn("{}: member {} is not asked: {}", setup.record.name, m.address, why);
  }
  m.failure = why;
  // It is remembered what it holds, so that it can be said what is missing.
  if (m.replica && m.replica->serves) {
    m.replica->serves = false;
    update_replicas();
  }
  m.has_answered = true;
  note_first_round();
}

void search_router_state::note_first_round() {
  if (knows_members || !std::ranges::all_of(members, &member_state::has_answered)) return;
  knows_members = true;
  for (const auto number : std::exchange(early, {})) begin(number);
}

void search_router_state::update_replicas() {
  std::vector<slice_replica> replicas;
  for (const auto& m : members) {
    if (m.replica) replicas.push_back(*m.replica);
  }
  router->set_replicas(replicas, now());
}

void search_router_state::note_numbers() {
  const auto metrics = setup.env->metrics->find_index(setup.record.name);
  if (!metrics || !knows_members) return;
  index_metrics::slice_numbers numbers;
  for (member_number m = 0; m < members.size(); ++m) {
    if (members[m].is_known_twice) continue;
    numbers.members++;
    const bool is_asked =
        members[m].replica && members[m].replica->serves && router->report(m, now()).left_out.empty();
    if (!is_asked) numbers.not_asked++;
  }
  numbers.missing = serving_slices().missing.size();
  const auto& totals = router->totals();
  numbers.questions = totals.asked;
  numbers.hedges = totals.hedged;
  numbers.failures = totals.failures;
  metrics->set_slices(numbers);
}

void search_router_state::left_out(member_number member, const std::string& why) {
  const auto& name = member == this_node ? "this node" : members[member].address;
  if (why.empty()) {
    setup.env->log->info("{}: {} is searched again", setup.record.name, name);
  } else {
    setup.env->log->warn("{}: {} is not searched for a while: {}", setup.record.name, name, why);
  }
}

cluster_status search_router_state::status() const {
  cluster_status out;
  for (member_number i = 0; i < members.size(); ++i) {
    const auto& m = members[i];
    const auto report = router->report(i, now());
    member_status s;
    s.address = m.address;
    s.slice = m.slice;
    s.failure = !m.failure.empty() ? m.failure : report.left_out;
    if (!m.has_answered) s.failure = "it has not answered yet";
    s.in_flight = report.in_flight;
    s.asked = report.asked;
    s.hedged = report.hedged;
    s.failures = report.failures;
    s.mean_us = in_us(report.mean);
    s.percentile_95_us = in_us(report.percentile_95);
    out.members.push_back(std::move(s));
  }
  const auto tiling = serving_slices();
  out.fault = tiling.fault;
  for (const auto at : tiling.missing) {
    out.fault += (out.fault.empty() ? "nobody who answers holds slice " : ", ") +
                 router->replicas().holders()[at].part.text();
  }
  return out;
}

}  // namespace fp
