#include "core/metrics/primitives.hpp"

#include <algorithm>
#include <numeric>

namespace fp {

uint64_t histogram_counts::total() const { return std::accumulate(buckets.begin(), buckets.end(), uint64_t{0}); }

histogram_counts& histogram_counts::operator+=(const histogram_counts& other) {
  buckets.resize(std::max(buckets.size(), other.buckets.size()));
  for (size_t i = 0; i < other.buckets.size(); i++) buckets[i] += other.buckets[i];
  sum += other.sum;
  return *this;
}

histogram_counts histogram::counts() const {
  histogram_counts out;
  out.buckets.reserve(buckets_.size());
  for (const auto& b : buckets_) out.buckets.push_back(b.value());
  out.sum = sum_.value();
  return out;
}

double quantile_of(double q, std::span<const uint64_t> buckets, std::span<const uint64_t> bounds) {
  const double rank = q * static_cast<double>(std::accumulate(buckets.begin(), buckets.end(), uint64_t{0}));
  uint64_t below = 0;
  for (size_t i = 0; i < bounds.size(); i++) {
    const auto within = static_cast<double>(buckets[i]);
    if (buckets[i] > 0 && static_cast<double>(below) + within >= rank) {
      const auto low = i == 0 ? 0.0 : static_cast<double>(bounds[i - 1]);
      const double share = (rank - static_cast<double>(below)) / within;
      return low + (static_cast<double>(bounds[i]) - low) * share;
    }
    below += buckets[i];
  }
  // Of what is above the last bound nothing more is known.
  return static_cast<double>(bounds.back());
}

uint64_t failure_counters::total() const {
  uint64_t sum = 0;
  for (const auto& c : by_code_) sum += c.value();
  return sum;
}

std::vector<std::pair<errc, uint64_t>> failure_counters::values(std::span<const errc> always) const {
  std::vector<std::pair<errc, uint64_t>> out;
  for (size_t i = 0; i < by_code_.size(); i++) {
    const auto code = static_cast<errc>(i);
    const auto n = by_code_[i].value();
    if (n > 0 || std::ranges::find(always, code) != always.end()) out.emplace_back(code, n);
  }
  return out;
}

namespace {

// Nanoseconds.
constexpr uint64_t per_us = 1'000, per_ms = 1'000'000, per_s = 1'000'000'000;
constexpr double ns_per_second = 1e9;

}  // namespace

histogram_shape request_durations() {
  static constexpr uint64_t bounds[] = {10 * per_us,  20 * per_us, 50 * per_us,  100 * per_us, 200 * per_us,
                                        500 * per_us, 1 * per_ms,  2 * per_ms,   5 * per_ms,   10 * per_ms,
                                        20 * per_ms,  50 * per_ms, 100 * per_ms, 200 * per_ms, 500 * per_ms,
                                        1 * per_s,    2 * per_s,   5 * per_s,    10 * per_s};
  return {bounds, ns_per_second};
}

histogram_shape task_durations() {
  static constexpr uint64_t bounds[] = {1 * per_ms, 10 * per_ms, 100 * per_ms, 500 * per_ms, 1 * per_s,   5 * per_s,
                                        15 * per_s, 60 * per_s,  300 * per_s,  900 * per_s,  3600 * per_s};
  return {bounds, ns_per_second};
}

double unix_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace fp
