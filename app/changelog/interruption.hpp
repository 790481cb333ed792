#pragma once

#include <poll.h>

#include <chrono>
#include <vector>

namespace fp {

/// Ends the waits of one thread from any other one. Once raised, it stays so.
class interruption {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  /// Throws `io_error` when there is no descriptor left.
  interruption();
  ~interruption();
  interruption(const interruption&) = delete;
  interruption& operator=(const interruption&) = delete;

  void raise() noexcept;
  bool is_raised() const noexcept;

  enum class outcome : uint8_t { ready, late, interrupted };
  /// Waits for an event of poll(2) on one of these descriptors; which one is for the caller to try.
  outcome wait(std::vector<pollfd> on, time_point deadline) const;

 private:
  int event_;
};

}  // namespace fp
