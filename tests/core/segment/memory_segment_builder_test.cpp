#include "core/segment/memory_segment_builder.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/base/error.hpp"
#include "tests/core/support/commits.hpp"

namespace fp {
namespace {

std::vector<commit_view> views_of(std::span<const commit> commits) {
  std::vector<commit_view> views;
  for (const commit& c : commits) views.push_back({c.previous, c.id, *c.changes});
  return views;
}

TEST(MemorySegmentBuilder, WhatItBuiltBeforeLeavesNoTrace) {
  memory_segment_builder kept;
  for (uint64_t seed = 0; seed < 200; seed++) {
    test::random_data data(seed);
    std::vector<commit> commits;
    for (commit_id id = 1 + data.below(3), n = 1 + data.below(20); n > 0; n--, id++) {
      commits.push_back(data.next_commit(id));
    }
    const auto fresh = build_memory_segment(commits), again = kept.build(views_of(commits));
    ASSERT_EQ(again->info(), fresh->info()) << "seed " << seed;
    ASSERT_TRUE(std::ranges::equal(again->bytes(), fresh->bytes())) << "seed " << seed;
    ASSERT_EQ(again->metadata().to_map(), fresh->metadata().to_map()) << "seed " << seed;
  }
}

TEST(MemorySegmentBuilder, GoesOnAfterAFailure) {
  memory_segment_builder kept;
  const commit good = test::make_commit(1, {{7, {1, 2, 3}}, {9, {2}}}), zero = test::make_commit(1, {{0, {5}}});
  EXPECT_THROW(kept.build(views_of({&zero, 1})), error);
  const std::vector<uint8_t> cut(6, 1);
  EXPECT_THROW(kept.build(std::vector<commit_view>{{0, 1, cut}}), error);
  EXPECT_TRUE(std::ranges::equal(kept.build(views_of({&good, 1}))->bytes(), test::make_segment(good)->bytes()));
}

}  // namespace
}  // namespace fp
