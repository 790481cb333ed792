#include <gtest/gtest.h>
#include <algorithm>

#include <random>
#include <vector>

#include "core/merge/merge_policy.hpp"

namespace fp {
namespace {

std::optional<merge_range> full(const std::vector<uint64_t>& sizes, uint64_t max) {
  std::vector<merge_candidate> segments;
  for (const uint64_t size : sizes) segments.push_back({size, size});
  merge_policy_options options;
  options.max_segment_size = max;
  return choose_full_merge(segments, options);
}

TEST(FullMerge, TakesEverythingThatFits) { EXPECT_EQ(full({5, 1, 4}, 10), (merge_range{0, 3})); }

TEST(FullMerge, FillsSegmentsFromTheOldestOn) {
  EXPECT_EQ(full({9, 2, 3, 4, 9}, 10), (merge_range{1, 3}));
  EXPECT_EQ(full({6, 4, 4, 6}, 10), (merge_range{0, 2}));
}

TEST(FullMerge, LeavesWhatDoesNotFitTogether) {
  EXPECT_EQ(full({6, 6, 6}, 10), std::nullopt);
  EXPECT_EQ(full({11, 1}, 10), std::nullopt);
  EXPECT_EQ(full({7}, 10), std::nullopt);
  EXPECT_EQ(full({}, 10), std::nullopt);
}

TEST(FullMerge, RewritesWhatIsMoreThanAHundredthDead) {
  const auto one = [](uint64_t stored, uint64_t live) {
    const std::vector<merge_candidate> segments{{stored, live}};
    return choose_full_merge(segments, {});
  };
  EXPECT_EQ(one(1000, 990), std::nullopt);
  EXPECT_EQ(one(1000, 989), (merge_range{0, 1}));
  EXPECT_EQ(one(10, 0), (merge_range{0, 1}));
  EXPECT_EQ(one(0, 0), std::nullopt);
}

TEST(FullMerge, EndsWithEachSegmentAnInputOnceAlthoughWritesGoOn) {
  std::mt19937_64 random(6);
  for (int round = 0; round < 300; round++) {
    merge_policy_options options;
    options.max_segment_size = 1 + random() % 1000;
    std::vector<merge_candidate> segments(random() % 40);
    std::vector<int> merges(segments.size());
    for (auto& s : segments) {
      s.live = random() % (uint64_t{1} << random() % 10);
      s.stored = s.live + random() % 2 * (random() % 100);
    }
    while (const auto range = choose_full_merge(segments, options)) {
      merge_candidate merged{0, 0, false};
      int most = 0;
      for (size_t i = range->first; i < range->first + range->count; i++) {
        ASSERT_TRUE(segments[i].mergeable);
        merged.stored += segments[i].live;
        most = std::max(most, ++merges[i]);
      }
      ASSERT_EQ(most, 1);
      if (range->count > 1) {
        ASSERT_LE(merged.stored, options.max_segment_size);
      }
      merged.live = merged.stored;
      const auto first = static_cast<long>(range->first), end = static_cast<long>(range->first + range->count);
      segments[range->first] = merged;
      segments.erase(segments.begin() + first + 1, segments.begin() + end);
      merges[range->first] = most;
      merges.erase(merges.begin() + first + 1, merges.begin() + end);
      // A writer supersedes what it likes.
      for (auto& s : segments) s.live -= random() % (s.live + 1) / 2;
    }
  }
}

}  // namespace
}  // namespace fp
