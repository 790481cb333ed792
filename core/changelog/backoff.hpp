#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace fp {

/// When something that fails again and again is tried next: after a delay that doubles up to a bound, less up to
/// half of it, so that many who failed together do not come back together.
class backoff {
 public:
  using duration = std::chrono::milliseconds;

  static constexpr duration first_delay{100}, longest_delay{10'000};

  /// Equal seeds give equal delays.
  explicit backoff(uint64_t seed) : mix_(seed) {}

  duration next() noexcept {
    const duration whole = std::min(longest_delay, first_delay * (int64_t{1} << std::min(failures_, 20u)));
    failures_++;
    return whole - duration(static_cast<int64_t>(mix_.next() % (static_cast<uint64_t>(whole.count()) / 2 + 1)));
  }
  void reset() noexcept { failures_ = 0; }
  uint32_t failures() const noexcept { return failures_; }

 private:
  /// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
  struct generator {
    explicit generator(uint64_t seed) : state(seed) {}
    uint64_t next() noexcept {
      uint64_t z = (state += 0x9e3779b97f4a7c15u);
      z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
      z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
      return z ^ (z >> 31);
    }
    uint64_t state;
  };

  generator mix_;
  uint32_t failures_ = 0;
};

}  // namespace fp
