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

constexpr uint64_t us = 1'000, ms = 1'000'000, s = 1'000'000'000;
constexpr double ns_per_second = 1e9;

}  // namespace

histogram_shape request_durations() {
  static constexpr uint64_t bounds[] = {10 * us,  20 * us, 50 * us, 100 * us, 200 * us, 500 * us, 1 * ms,
                                        2 * ms,   5 * ms,  10 * ms, 20 * ms,  50 * ms,  100 * ms, 200 * ms,
                                        500 * ms, 1 * s,   2 * s,   5 * s,    10 * s};
  return {bounds, ns_per_second};
}

histogram_shape task_durations() {
  static constexpr uint64_t bounds[] = {1 * ms, 10 * ms, 100 * ms, 500 * ms, 1 * s,   5 * s,
                                        15 * s, 60 * s,  300 * s,  900 * s,  3600 * s};
  return {bounds, ns_per_second};
}

double unix_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace fp
