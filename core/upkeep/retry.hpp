#pragma once

#include <algorithm>
#include <chrono>
#include <string>

namespace fp {

/// When a kind of work that failed is tried again: after a delay that doubles with each failure in a row, up to a
/// bound. A success ends it.
class retry {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  static constexpr std::chrono::seconds first_delay{5}, longest_delay{60};

  bool is_failing() const noexcept { return !error_.empty(); }
  /// Why it failed last; empty when it does not fail.
  const std::string& error() const noexcept { return error_; }
  /// The next try while it fails. `is_urgent`: nothing else can go on before it succeeds.
  time_point retry_at(bool is_urgent = false) const noexcept {
    return is_urgent ? std::min(retry_at_, failed_at_ + first_delay) : retry_at_;
  }
  bool may_run(time_point now, bool is_urgent = false) const noexcept {
    return !is_failing() || now >= retry_at(is_urgent);
  }

  void failed(const std::string& why, time_point now) {
    error_ = why.empty() ? "for no known reason" : why;
    delay_ = delay_ == std::chrono::seconds(0) ? first_delay : std::min(2 * delay_, longest_delay);
    failed_at_ = now;
    retry_at_ = now + delay_;
  }
  void succeeded() {
    error_.clear();
    delay_ = std::chrono::seconds(0);
  }
  /// Something has changed, or somebody asks: the delay is over.
  void hurry(time_point now) noexcept { retry_at_ = std::min(retry_at_, now); }

 private:
  std::string error_;
  std::chrono::seconds delay_{0};
  time_point failed_at_{}, retry_at_{};
};

}  // namespace fp
