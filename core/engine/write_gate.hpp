#pragma once

#include <chrono>
#include <optional>

#include "core/base/error.hpp"
#include "core/upkeep/retry.hpp"

namespace fp {

/// Whether an index takes writes, and if not, why not and when that may change. In the order of what weighs most:
/// it is blocked until it is loaded anew; its log refused the last write, and is tried from time to time, by a
/// write or by a probe; its memory is full and cannot be written out.
class write_gate {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  // -- Events
  /// The index has been loaded (again).
  void loaded() { *this = write_gate(); }
  /// Nothing can be written before the index is loaded anew.
  void block(const error& why) { blocked_ = why; }
  /// The log refused a write.
  void log_failed(const error& why, time_point now);
  /// The log took a write.
  void log_worked() noexcept { log_fails_.reset(); }
  /// What came of a probe. `is_writing`: a write is on its way, which tells more. Answers whether the log is known
  /// to work again by the probe.
  bool probed(bool works, time_point now, bool is_writing);
  /// Why memory is full for good; nothing when it is not.
  void memory_is_full(std::optional<error> why) { memory_is_full_ = std::move(why); }

  // -- Decisions
  /// Why nothing can be written before the index is loaded anew; nothing when that is not so.
  const std::optional<error>& block() const noexcept { return blocked_; }
  /// Why it is read-only; null when it is not.
  const error* hindrance() const noexcept;
  /// Whether the log is to be probed now.
  bool begin_probe(time_point now, bool is_writing);
  std::optional<time_point> probe_at() const noexcept { return probe_at_; }

 private:
  void probe_later(time_point now);

  std::optional<error> blocked_, log_fails_, memory_is_full_;
  bool probing_ = false;
  std::optional<time_point> probe_at_;
};

}  // namespace fp
