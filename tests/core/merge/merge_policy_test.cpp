#include "core/merge/merge_policy.hpp"

#include <gtest/gtest.h>
#include <algorithm>

#include <cmath>
#include <numeric>
#include <random>
#include <vector>

namespace fp {
namespace {

using byte_sizes = std::vector<uint64_t>;

/// All alive.
std::vector<merge_candidate> candidates(const byte_sizes& segments) {
  std::vector<merge_candidate> made;
  for (const uint64_t size : segments) made.push_back({size, size});
  return made;
}

std::optional<merge_range> choose(const byte_sizes& segments, const merge_policy_options& options) {
  return choose_merge(candidates(segments), options);
}

/// Merges until nothing is chosen; returns the postings that were written.
uint64_t settle(byte_sizes& segments, const merge_policy_options& options) {
  uint64_t written = 0;
  while (const auto range = choose(segments, options)) {
    EXPECT_GE(range->count, 2u);
    EXPECT_LE(range->count, std::max(options.segments_per_merge, 2u));
    if (range->count < 2 || range->first + range->count > segments.size()) {
      ADD_FAILURE() << "range outside the segments";
      break;
    }
    const auto begin = segments.begin() + static_cast<long>(range->first);
    const auto end = begin + static_cast<long>(range->count);
    const uint64_t size = std::accumulate(begin, end, uint64_t{0});
    EXPECT_LE(size, options.max_segment_size);
    *begin = size;
    segments.erase(begin + 1, end);
    written += size;
  }
  return written;
}

/// Into how few segments of at most `max` neighbours can be merged, by trying everything.
size_t fewest_by_search(const byte_sizes& segments, uint64_t max) {
  std::vector<size_t> best(segments.size() + 1, SIZE_MAX);
  best[0] = 0;
  for (size_t i = 0; i < segments.size(); i++) {
    uint64_t size = 0;
    for (size_t j = i; j < segments.size(); j++) {
      size += segments[j];
      if (j > i && size > max) break;
      best[j + 1] = std::min(best[j + 1], best[i] + 1);
    }
  }
  return best.back();
}

TEST(MergePolicy, LeavesFewSegmentsAlone) {
  EXPECT_EQ(choose({}, {}), std::nullopt);
  EXPECT_EQ(choose(byte_sizes{1}, {}), std::nullopt);
  merge_policy_options options;
  options.segments_per_level = 8;
  EXPECT_EQ(choose(byte_sizes(8, 1000), options), std::nullopt);
}

TEST(MergePolicy, MergesNeighboursOfSimilarSize) {
  merge_policy_options options;
  options.min_segment_size = 10;
  options.segments_per_level = 4;
  options.segments_per_merge = 4;
  byte_sizes segments(40, 10);
  segments.insert(segments.begin(), 100'000);
  EXPECT_EQ(choose(segments, options), (merge_range{1, 4}));
  // The large one is not rewritten for the small one beside it.
  segments.insert(segments.begin(), 10);
  EXPECT_EQ(choose(segments, options), (merge_range{2, 4}));
}

TEST(MergePolicy, GrowingIndexStaysWithinTheBudgetAtLowWriteAmplification) {
  std::mt19937_64 random(8);
  for (const uint32_t per_level : {2u, 4u, 8u, 10u}) {
    for (const uint64_t spread : {1u, 10u, 1000u}) {
      merge_policy_options options;
      options.min_segment_size = 1000;
      options.max_segment_size = 1'000'000'000;
      options.segments_per_level = options.segments_per_merge = per_level;
      byte_sizes segments;
      uint64_t added = 0, written = 0;
      size_t most_segments = 0;
      for (int i = 0; i < 3000; i++) {
        const uint64_t size = 1000 + random() % (1000 * spread);
        segments.push_back(size);
        added += size;
        written += settle(segments, options);
        most_segments = std::max(most_segments, segments.size());
      }
      const double levels = std::log(static_cast<double>(added) / 1000) / std::log(per_level) + 1;
      EXPECT_LE(most_segments, per_level * std::ceil(levels)) << per_level << ", " << spread;
      // Each level rewrites everything about once.
      EXPECT_LE(static_cast<double>(written) / static_cast<double>(added), 1.5 * levels)
          << per_level << ", " << spread;
      EXPECT_EQ(std::accumulate(segments.begin(), segments.end(), uint64_t{0}), added);
    }
  }
}

TEST(MergePolicy, AnySizesSettleWithinTheMaximum) {
  std::mt19937_64 random(9);
  for (int round = 0; round < 500; round++) {
    merge_policy_options options;
    options.min_segment_size = random() % 100;
    options.max_segment_size = 1 + random() % 100'000;
    options.segments_per_level = static_cast<uint32_t>(random() % 6);
    options.segments_per_merge = static_cast<uint32_t>(random() % 6);
    byte_sizes segments(random() % 60);
    for (auto& s : segments) s = random() % (uint64_t{1} << random() % 20);
    settle(segments, options);
  }
}

TEST(MergePolicy, HardBoundIsMetWheneverNeighboursCanMeetIt) {
  std::mt19937_64 random(10);
  int possible = 0;
  for (int round = 0; round < 1000; round++) {
    merge_policy_options options;
    options.min_segment_size = 1;
    options.max_segment_size = 10 + random() % 1000;
    options.segments_per_level = 2 + static_cast<uint32_t>(random() % 8);
    options.segments_per_merge = 2 + static_cast<uint32_t>(random() % 8);
    options.max_segments = 1 + static_cast<uint32_t>(random() % 8);
    byte_sizes segments(random() % 30);
    for (auto& s : segments) s = random() % (options.max_segment_size + 1) / (1 + random() % 10);
    const size_t fewest = fewest_by_search(segments, options.max_segment_size);
    settle(segments, options);
    EXPECT_LE(segments.size(), std::max<size_t>(fewest, options.max_segments)) << "round " << round;
    possible += fewest <= options.max_segments;
  }
  EXPECT_GT(possible, 300);
}

TEST(MergePolicy, HardBoundWithoutGreedyDeadEnd) {
  merge_policy_options options;
  options.min_segment_size = 1;
  options.max_segment_size = 10;
  options.max_segments = 2;
  byte_sizes segments{6, 4, 4, 6};  // 4 + 4 has the least skew, but then nothing fits any more
  settle(segments, options);
  EXPECT_EQ(segments, (byte_sizes{10, 10}));
}

TEST(MergePolicy, FullSegmentsAreLeftAlone) {
  merge_policy_options options;
  options.min_segment_size = 1;
  options.max_segment_size = 100;
  options.segments_per_level = 2;
  EXPECT_EQ(choose(byte_sizes(50, 60), options), std::nullopt);
  EXPECT_EQ(choose(byte_sizes{200, 90, 1, 1, 1, 1}, options), (merge_range{2, 4}));
}

TEST(MergePolicy, BarriersAreNoInputsAndTheirNeighboursMergeAmongThemselves) {
  merge_policy_options options;
  options.min_segment_size = 1;
  options.segments_per_level = options.segments_per_merge = 2;
  auto segments = candidates(byte_sizes(30, 10));
  segments[1].mergeable = false;
  const auto range = choose_merge(segments, options);
  ASSERT_TRUE(range);
  EXPECT_GE(range->first, 2u);
  EXPECT_EQ(choose_full_merge(segments, options), (merge_range{2, 28}));
  for (auto& s : segments) s.mergeable = false;
  EXPECT_EQ(choose_merge(segments, options), std::nullopt);
  EXPECT_EQ(choose_idle_merge(segments, options), std::nullopt);
  EXPECT_EQ(choose_full_merge(segments, options), std::nullopt);
}

}  // namespace
}  // namespace fp
