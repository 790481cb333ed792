#pragma once

#include <atomic>
#include <chrono>

namespace fp {

/// Lets somebody else stop long work early. Work looks at it between slices of a few milliseconds and then
/// throws `errc::cancelled`. A null pointer means "cannot be cancelled".
using cancel_flag = std::atomic<bool>;

inline bool is_cancelled(const cancel_flag* flag) noexcept {
  return flag != nullptr && flag->load(std::memory_order_relaxed);
}

using steady_clock = std::chrono::steady_clock;

}  // namespace fp
