#pragma once

#include <caf/all.hpp>
#include <chrono>

#include "messages/atoms.hpp"

namespace fp {

/// Tells when an actor has heard nothing for some time. It costs a message per that time, not one per message
/// heard.
class idle_timer {
 public:
  /// `limit` 0: never. The actor gets a `tick_atom` and calls `expired`.
  template <class Self, class Handle>
  void start(Self* self, const Handle& handle, std::chrono::milliseconds limit) {
    limit_ = limit;
    heard(self);
    if (limit_.count() > 0) self->delayed_send(handle, limit_, tick_atom_v);
  }
  template <class Self>
  void heard(Self* self) {
    last_ = self->clock().now();
  }
  /// To be called at every tick. When it is too early, the next tick comes when it may be time.
  template <class Self, class Handle>
  bool expired(Self* self, const Handle& handle) {
    const auto silent = self->clock().now() - last_;
    if (silent >= limit_) return true;
    self->delayed_send(handle, limit_ - silent, tick_atom_v);
    return false;
  }
  std::chrono::milliseconds limit() const noexcept { return limit_; }

 private:
  std::chrono::milliseconds limit_{0};
  caf::actor_clock::time_point last_;
};

}  // namespace fp
