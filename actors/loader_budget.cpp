#include "actors/loader_budget.hpp"

#include "actors/environment.hpp"

namespace fp {

caf::result<permit_ptr> loader_budget_state::acquire() {
  auto promise = self->make_response_promise<permit_ptr>();
  waiting.push_back(promise);
  grant_waiting();
  return promise;
}

void loader_budget_state::release() {
  if (running > 0) running--;
  grant_waiting();
}

void loader_budget_state::grant_waiting() {
  // A waiter that has died in the meantime drops its permit unread, which releases it.
  while (running < allowed && !waiting.empty()) {
    running++;
    waiting.front().deliver(std::make_shared<loader_permit>(loader_budget_handle(self)));
    waiting.pop_front();
  }
}

loader_budget_handle::behavior_type loader_budget(loader_budget_handle::stateful_pointer<loader_budget_state> self,
                                                  uint32_t allowed) {
  keep_exception_text(self);
  self->state.self = self;
  self->state.allowed = allowed;
  return {
      [=](acquire_atom) { return self->state.acquire(); },
      [=](release_atom) { self->state.release(); },
      [=](status_atom) -> caf::result<uint32_t, uint32_t> {
        return {self->state.running, self->state.allowed};
      },
      [=](settings_atom, uint32_t now_allowed) {
        self->state.allowed = now_allowed;
        self->state.grant_waiting();
      },
  };
}

}  // namespace fp
