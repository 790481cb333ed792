#include "core/metrics/primitives.hpp"

#include <gtest/gtest.h>
#include <algorithm>

#include <random>
#include <thread>

namespace fp {
namespace {

constexpr uint64_t bounds[] = {10, 20, 50};

TEST(histogram, a_bound_belongs_to_its_bucket) {
  histogram h({bounds, 1});
  for (const uint64_t value : {0, 10, 11, 20, 21, 50, 51, 1000}) h.observe(value);
  const auto counts = h.counts();
  EXPECT_EQ(counts.buckets, (std::vector<uint64_t>{2, 2, 2, 2}));
  EXPECT_EQ(counts.sum, 1163u);
  EXPECT_EQ(counts.total(), 8u);
}

TEST(histogram, negative_durations_count_as_none) {
  histogram h({bounds, 1});
  h.observe(std::chrono::nanoseconds(-5));
  EXPECT_EQ(h.counts().buckets[0], 1u);
  EXPECT_EQ(h.counts().sum, 0u);
}

TEST(histogram, loses_nothing_among_threads) {
  constexpr uint64_t each = 20'000, num_threads = 4;
  histogram h({bounds, 1});
  std::vector<std::thread> threads;
  for (uint64_t t = 0; t < num_threads; t++) {
    threads.emplace_back([&h] {
      for (uint64_t i = 0; i < each; i++) h.observe(i % 60);
    });
  }
  for (auto& t : threads) t.join();
  EXPECT_EQ(h.counts().total(), each * num_threads);
  uint64_t sum = 0;
  for (uint64_t i = 0; i < each; i++) sum += i % 60;
  EXPECT_EQ(h.counts().sum, sum * num_threads);
}

TEST(quantile, interpolates_within_the_bucket) {
  const std::vector<uint64_t> counts{10, 10, 0, 0};
  EXPECT_DOUBLE_EQ(quantile_of(0.25, counts, bounds), 5);
  EXPECT_DOUBLE_EQ(quantile_of(0.5, counts, bounds), 10);
  EXPECT_DOUBLE_EQ(quantile_of(0.75, counts, bounds), 15);
  EXPECT_DOUBLE_EQ(quantile_of(1, counts, bounds), 20);
}

TEST(quantile, skips_empty_buckets_and_ends_at_the_last_bound) {
  EXPECT_DOUBLE_EQ(quantile_of(0.5, std::vector<uint64_t>{0, 0, 4, 0}, bounds), 35);
  EXPECT_DOUBLE_EQ(quantile_of(0.99, std::vector<uint64_t>{1, 0, 0, 99}, bounds), 50);
}

TEST(quantile, is_within_one_bucket_of_the_exact_one) {
  std::mt19937 random(5);
  std::lognormal_distribution<double> durations(std::log(2e6), 2);
  const auto shape = request_durations();
  histogram h(shape);
  std::vector<uint64_t> values(10'001);
  for (auto& v : values) h.observe(v = static_cast<uint64_t>(durations(random)));
  std::sort(values.begin(), values.end());
  for (const double q : {0.05, 0.5, 0.95, 0.99}) {
    const auto exact = values[static_cast<size_t>(q * static_cast<double>(values.size() - 1))];
    const auto above = std::ranges::lower_bound(shape.bounds, exact);
    const double high = static_cast<double>(*above), low = static_cast<double>(*(above - 1));
    const double estimated = quantile_of(q, h.counts().buckets, shape.bounds);
    EXPECT_GE(estimated, low) << q;
    EXPECT_LE(estimated, high) << q;
  }
}

TEST(failure_counters, show_what_occurred_and_what_is_usual) {
  failure_counters f;
  f.add(errc::io_error, 3);
  const errc usual[] = {errc::search_timeout};
  const std::vector<std::pair<errc, uint64_t>> expected{{errc::search_timeout, 0}, {errc::io_error, 3}};
  EXPECT_EQ(f.values(usual), expected);
  EXPECT_EQ(f.total(), 3u);
}

TEST(shapes, have_ascending_bounds) {
  for (const auto& shape : {request_durations(), task_durations()}) {
    EXPECT_TRUE(std::ranges::is_sorted(shape.bounds, std::less_equal<>()));
  }
}

}  // namespace
}  // namespace fp
