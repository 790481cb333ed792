#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace fp {

/// How long somebody's last answers took.
class latency_record {
 public:
  using duration = std::chrono::nanoseconds;

  static constexpr size_t kept = 128, enough = 16;

  void add(duration took) noexcept {
    last_[num_++ % kept] = took;
    mean_ = num_ == 1 ? took : mean_ + (took - mean_) / 8;
    // Sorting at each answer would cost more than many an answer.
    if (num_ == enough || num_ % enough == 0) percentile_ = compute_percentile();
  }

  /// Whether there have been so many that percentiles mean something.
  bool knows() const noexcept { return num_ >= enough; }
  /// Which 95 of 100 answers did not exceed, of the last `kept`.
  duration percentile_95() const noexcept { return percentile_; }
  /// Of the last few, mostly; 0 before the first.
  duration mean() const noexcept { return mean_; }

 private:
  duration compute_percentile() const noexcept {
    auto sorted = last_;
    const auto n = static_cast<size_t>(std::min<uint64_t>(num_, kept));
    const auto at = sorted.begin() + static_cast<std::ptrdiff_t>((n - 1) * 95 / 100);
    std::nth_element(sorted.begin(), at, sorted.begin() + static_cast<std::ptrdiff_t>(n));
    return *at;
  }

  std::array<duration, kept> last_{};
  uint64_t num_ = 0;
  duration mean_{0}, percentile_{0};
};

}  // namespace fp
