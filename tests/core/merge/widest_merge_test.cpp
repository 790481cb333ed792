#include <gtest/gtest.h>

#include <vector>

#include "core/merge/merge_policy.hpp"

namespace fp {
namespace {

std::optional<merge_range> widest(const std::vector<uint64_t>& sizes, uint64_t max) {
  std::vector<merge_candidate> segments;
  for (const uint64_t size : sizes) segments.push_back({size, size});
  merge_policy_options options;
  options.max_segment_size = max;
  return choose_full_merge(segments, options);
}

TEST(widest_merge, takes_everything_that_fits) {
  EXPECT_EQ(widest({5, 1, 4}, 10), (merge_range{0, 3}));
}

TEST(widest_merge, takes_the_longest_run_below_the_bound) {
  EXPECT_EQ(widest({9, 2, 3, 4, 9}, 10), (merge_range{1, 3}));
}

TEST(widest_merge, leaves_what_does_not_fit_together) {
  EXPECT_EQ(widest({6, 6, 6}, 10), std::nullopt);
  EXPECT_EQ(widest({11, 1}, 10), std::nullopt);
  EXPECT_EQ(widest({7}, 10), std::nullopt);
  EXPECT_EQ(widest({}, 10), std::nullopt);
}

}  // namespace
}  // namespace fp
