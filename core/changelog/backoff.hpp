#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "core/base/split_mix.hpp"

namespace fp {

/// When something that fails again and again is tried next: after a delay that doubles up to a bound, less up to
/// half of it, so that many who failed together do not come back together.
class backoff {
 public:
  using duration = std::chrono::milliseconds;

  static constexpr duration first_delay{100}, longest_delay{10'000};

  /// Equal seeds give equal delays.
  explicit backoff(uint64_t seed) : random_(seed) {}

  duration next() noexcept {
    const duration whole = std::min(longest_delay, first_delay * (int64_t{1} << std::min(failures_, 20u)));
    failures_++;
    const auto most_sooner = static_cast<uint64_t>(whole.count()) / 2;
    return whole - duration(static_cast<int64_t>(next_split_mix(random_) % (most_sooner + 1)));
  }
  void reset() noexcept { failures_ = 0; }
  uint32_t failures() const noexcept { return failures_; }

 private:
  uint64_t random_;
  uint32_t failures_ = 0;
};

}  // namespace fp
