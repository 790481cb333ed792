#include <algorithm>
#include <utility>

#include "actors/search_router.hpp"
#include "actors/slice_replying.hpp"

namespace fp {

// -- Asking members

void search_router_state::ask_member(uint64_t call, uint64_t number, member_number member, const slice& part) {
  calls.emplace(call, member_call{number, member, part.text(), searches.at(number).deadline});
  members[member].window.push(call);
  send_questions(member);
}

void search_router_state::find_index(member_number member) {
  auto& m = members[member];
  if (member == this_node || m.index || m.is_resolving) return;
  m.is_resolving = true;
  self->request(m.handle, caf::infinite, resolve_atom_v, setup.record.name)
      .then(
          [this, member](const index_handle& index) {
            members[member].is_resolving = false;
            members[member].index = index;
            self->monitor(index);
            send_questions(member);
          },
          [this, member](const caf::error& e) {
            members[member].is_resolving = false;
            lose_index(member, to_core_error(e));
          });
}

void search_router_state::send_questions(member_number member) {
  auto& m = members[member];
  if (!m.index) return;
  slice_questions message{target_of(member), {}};
  const auto send = [&] {
    if (!message.questions.empty()) self->send(m.index, std::exchange(message, {message.target, {}}));
  };
  for (const auto call : m.window.take(now())) {
    auto& asked = calls.at(call);
    const auto search = searches.find(asked.search);
    if (search == searches.end()) {
      // Nobody waits for it: the next heartbeat ends it.
      asked.deadline = now();
      continue;
    }
    if (asked.part != message.target.slice) {
      send();
      message.target.slice = asked.part;
    }
    auto request = *search->second.request;
    request.timeout_ms = ms_until(search->second.deadline);
    request.ready_wait_ms = 0;
    message.questions.push_back({call, std::move(request)});
  }
  send();
  if (const auto due = m.window.due()) wake_at(*due);
}

void search_router_state::replies_come(slice_replies& come) {
  std::vector<member_number> answering;
  for (auto& r : come.replies) {
    const auto asked = calls.extract(r.call);
    if (!asked) continue;
    const auto member = asked.mapped().member;
    members[member].window.end(r.call);
    if (answering.empty() || answering.back() != member) answering.push_back(member);
    if (r.code) {
      router->failed(r.call, error(*r.code, r.reason), now());
    } else {
      answered(r.call, r.found);
    }
  }
  for (const auto member : answering) send_questions(member);
}

void search_router_state::lose_index(member_number member, const error& why) {
  auto& m = members[member];
  if (m.index) self->demonitor(m.index.address());
  m.index = index_handle();
  m.window.clear();
  std::vector<uint64_t> lost;
  for (const auto& [call, asked] : calls) {
    if (asked.member == member) lost.push_back(call);
  }
  for (const auto call : lost) calls.erase(call);
  for (const auto call : lost) router->failed(call, why, now());
}

void search_router_state::note_down(const caf::actor_addr& source) {
  if (source == setup.local.address()) {
    self->quit();
    return;
  }
  const auto found =
      std::ranges::find_if(members, [&](const member_state& m) { return m.index && m.index.address() == source; });
  if (found == members.end()) return;
  const auto member = static_cast<member_number>(found - members.begin());
  lose_index(member, error(errc::unreachable, found->address + " does not hold it any more, or is gone"));
  ping(member);
}

void search_router_state::end_late_calls() {
  const auto time = now();
  std::vector<std::pair<uint64_t, member_call>> late;
  for (const auto& [call, asked] : calls) {
    if (asked.deadline <= time) late.emplace_back(call, asked);
  }
  for (const auto& [call, asked] : late) {
    calls.erase(call);
    members[asked.member].window.end(call);
  }
  for (const auto& [call, asked] : late) {
    const auto& address = members[asked.member].address;
    router->failed(call, error(errc::request_timeout, "no answer from " + address + " in time"), time);
  }
}

// -- Answering members

void search_router_state::answer(slice_questions& asked) {
  if (auto e = wrong_target(asked.target)) {
    refuse_questions(self, asked, e);
    return;
  }
  const auto sender = self->current_sender();
  if (!sender || asked.questions.empty()) return;
  const caf::actor_addr to(sender->get()->address());
  auto& asker = askers.try_emplace(to, asking_member{caf::actor_cast<slice_asker>(sender), {}}).first->second;
  const auto message = asker.batches.begin(asked.questions.size());
  for (auto& question : asked.questions) {
    auto search = std::make_shared<const search_request>(std::move(question.search));
    self->request(setup.local, caf::infinite, local_search{std::move(search), nullptr})
        .then(
            [this, to, message, call = question.call](search_reply& found) {
              reply(to, message, {call, std::move(found), caf::none, {}});
            },
            [this, to, message, call = question.call](const caf::error& e) {
              reply(to, message, refused_question(call, e));
            });
  }
}

void search_router_state::reply(const caf::actor_addr& to, uint64_t message, slice_reply found) {
  auto& batches = askers.at(to).batches;
  if (batches.add(message, std::move(found), now())) {
    send_replies(to);
  } else {
    wake_at(*batches.due());
  }
}

void search_router_state::send_replies(const caf::actor_addr& to) {
  const auto asker = askers.find(to);
  self->send(asker->second.handle, slice_replies{asker->second.batches.take()});
  if (asker->second.batches.is_idle()) askers.erase(asker);
}

void search_router_state::send_what_is_due() {
  const auto time = now();
  for (member_number m = 0; m < members.size(); ++m) {
    if (members[m].window.due()) send_questions(m);
  }
  std::vector<caf::actor_addr> due;
  for (const auto& [to, asker] : askers) {
    const auto when = asker.batches.due();
    if (!when) continue;
    *when <= time ? due.push_back(to) : wake_at(*when);
  }
  for (const auto& to : due) send_replies(to);
}

}  // namespace fp
