#include "app/asking/request_deadlines.hpp"

#include <algorithm>

namespace fp {

request_deadlines::list::iterator request_deadlines::watch(caf::scheduled_actor& self, request_in_flight request,
                                                           std::chrono::milliseconds timeout) {
  const auto deadline = self.clock().now() + std::max(timeout, std::chrono::milliseconds(1));
  // Most requests of an actor have the same time, so that the newest deadline is the last one.
  const auto added = deadlines_.emplace_hint(deadlines_.end(), deadline, std::move(request));
  if (deadline < rings_) set_timer(self);
  return added;
}

void request_deadlines::set_timer(caf::scheduled_actor& self) {
  const auto first = deadlines_.upper_bound(failed_until_);
  rings_ = first == deadlines_.end() ? time_point::max() : first->first;
  if (first == deadlines_.end()) return;
  self.clock().schedule_message(
      rings_, caf::strong_actor_ptr(self.ctrl()),
      caf::make_mailbox_element(nullptr, caf::make_message_id(), caf::no_stages, expire_atom_v));
}

void request_deadlines::expire(caf::scheduled_actor& self) {
  const auto now = self.clock().now();
  // A timer that was set before an earlier one.
  if (now < rings_) return;
  const auto late = deadlines_.upper_bound(failed_until_), end = deadlines_.upper_bound(now);
  for (auto it = late; it != end; ++it) answer(self, it->second, caf::sec::request_timeout);
  failed_until_ = now;
  set_timer(self);
}

void request_deadlines::receiver_lost(caf::scheduled_actor& self, const caf::actor_addr& receiver) {
  for (const auto& [deadline, request] : deadlines_) {
    if (request.receiver == receiver) answer(self, request, caf::sec::request_receiver_down);
  }
}

void request_deadlines::all_lost(caf::scheduled_actor& self) {
  for (const auto& [deadline, request] : deadlines_) answer(self, request, caf::sec::request_receiver_down);
}

void request_deadlines::answer(caf::scheduled_actor& self, const request_in_flight& request, caf::sec why) {
  self.enqueue(nullptr, request.id, caf::make_message(caf::make_error(why)), self.context());
}

}  // namespace fp
