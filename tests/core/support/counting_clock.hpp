#pragma once

#include <cstdint>
#include <functional>

#include "core/base/cancel.hpp"

namespace fp::test {

/// A clock for `search_options` that moves only when it is looked at.
struct counting_clock {
  static inline uint64_t looks = 0;
  static inline steady_clock::duration step = std::chrono::nanoseconds(1);
  static inline std::function<void()> on_look;

  static void reset(steady_clock::duration by = std::chrono::nanoseconds(1)) {
    looks = 0;
    step = by;
    on_look = nullptr;
  }
  /// What the clock shows at a look; the first one is number 1.
  static steady_clock::time_point at(uint64_t look) {
    return steady_clock::time_point(step * static_cast<int64_t>(look));
  }
  /// A deadline that never comes: without one there are no looks.
  static constexpr steady_clock::time_point never = steady_clock::time_point::max() - std::chrono::nanoseconds(1);
  static steady_clock::time_point now() noexcept {
    looks++;
    if (on_look) on_look();
    return at(looks);
  }
};

}  // namespace fp::test
