#pragma once

#include <algorithm>
#include <caf/all.hpp>

#include "messages/internal.hpp"

namespace fp {

/// Has an actor sent a `tick_atom` when something is due. Of several times the earliest counts: whoever gets the
/// tick orders the next one.
class wake_timer {
 public:
  using time_point = caf::actor_clock::time_point;

  template <class Self, class Handle>
  void set(Self* self, const Handle& handle, time_point when) {
    // What is overdue, too, is due when its tick comes: else each older tick would take it for done, and order one
    // more.
    const auto now = self->clock().now();
    const auto due = std::max<time_point>(when, now + std::chrono::milliseconds(1));
    if (at_ && *at_ <= due) return;
    at_ = due;
    self->delayed_send(handle, due - now, tick_atom_v);
  }
  void rang(time_point now) {
    if (at_ && *at_ <= now) at_ = caf::none;
  }

 private:
  caf::optional<time_point> at_;
};

}  // namespace fp
