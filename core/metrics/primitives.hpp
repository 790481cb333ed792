#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/base/error.hpp"

// What is counted, as relaxed atomics: adding never waits, however many threads add and however often somebody
// reads. prometheus-cpp's own objects lock a mutex an observation (histograms) or loop on a double (counters).

namespace fp {

/// Only grows.
class counter {
 public:
  void add(uint64_t n = 1) noexcept { value_.fetch_add(n, std::memory_order_relaxed); }
  uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_ = 0;
};

/// A value as it is at the moment.
class gauge {
 public:
  void set(double value) noexcept { value_.store(value, std::memory_order_relaxed); }
  double value() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_ = 0;
};

/// Observed values are whole numbers of a small unit (nanoseconds, say), bounds too: adding whole numbers is one
/// instruction. A bucket holds what is above the bound before it and at most its own.
struct histogram_shape {
  std::span<const uint64_t> bounds;  ///< ascending; they outlive the histogram
  double units = 1;                  ///< in one of what is exported
};

/// What a histogram held at one moment.
struct histogram_counts {
  std::vector<uint64_t> buckets;  ///< one more than bounds: the last one has none
  uint64_t sum = 0;               ///< in units

  uint64_t total() const;
  /// Adds counts of the same shape; an empty one takes their shape.
  histogram_counts& operator+=(const histogram_counts& other);
};

/// How often values fell into which range.
class histogram {
 public:
  explicit histogram(histogram_shape shape) : shape_(shape), buckets_(shape.bounds.size() + 1) {}

  void observe(uint64_t value) noexcept {
    const auto at = std::ranges::lower_bound(shape_.bounds, value) - shape_.bounds.begin();
    buckets_[static_cast<size_t>(at)].add();
    sum_.add(value);
  }
  void observe(std::chrono::nanoseconds took) noexcept {
    observe(static_cast<uint64_t>(std::max<int64_t>(0, took.count())));
  }

  const histogram_shape& shape() const noexcept { return shape_; }
  histogram_counts counts() const;

 private:
  histogram_shape shape_;
  std::vector<counter> buckets_;
  counter sum_;
};

/// The value below which a share `q` of what a histogram counted lies, interpolated within its bucket as
/// Prometheus' histogram_quantile does; in units. The counts must not all be 0.
double quantile_of(double q, std::span<const uint64_t> buckets, std::span<const uint64_t> bounds);

/// Failures by their code.
class failure_counters {
 public:
  void add(errc why, uint64_t n = 1) noexcept { by_code_[std::min(size_t(why), by_code_.size() - 1)].add(n); }
  uint64_t total() const;
  uint64_t value(errc why) const { return by_code_[static_cast<size_t>(why)].value(); }
  /// Codes that have occurred, and `always`.
  std::vector<std::pair<errc, uint64_t>> values(std::span<const errc> always) const;

 private:
  std::array<counter, static_cast<size_t>(errc::slice_unavailable) + 1> by_code_;
};

/// Nanoseconds: 10 us to 10 s in steps of 1, 2, 5.
histogram_shape request_durations();
/// Nanoseconds: 1 ms to 1 h.
histogram_shape task_durations();

/// Now, in seconds since 1970.
double unix_time();

}  // namespace fp
