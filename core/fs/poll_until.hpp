#pragma once

#include <chrono>

namespace fp {

enum class poll_outcome {
  ready,   ///< also at the other side's end
  late,    ///< the deadline has passed
  failed,  ///< `errno` says why
};

/// Waits for events of poll(2) on one descriptor. Interruptions by signals do not count.
poll_outcome poll_until(int descriptor, short events, std::chrono::steady_clock::time_point deadline) noexcept;

}  // namespace fp
