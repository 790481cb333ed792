#include <gtest/gtest.h>
#include <algorithm>

#include <cmath>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "core/segment/segment_format.hpp"
#include "tests/core/support/simulated_index.hpp"

namespace fp {
namespace {

using test::simulated_index;

constexpr uint64_t postings_per_document = 100;

struct policy {
  merge_policy_options options;

  auto busy() const {
    return [this](std::span<const merge_candidate> c) { return choose_merge(c, options); };
  }
  auto idle() const {
    return [this](std::span<const merge_candidate> c) { return choose_idle_merge(c, options); };
  }
};

policy with_max_size(uint64_t max_segment_size) {
  policy p;
  p.options.min_segment_size = std::min<uint64_t>(2'000, max_segment_size);
  p.options.max_segment_size = max_segment_size;
  return p;
}

/// Documents 0 to `count` - 1 in one order or another.
std::vector<uint32_t> order(size_t count, bool shuffled, std::mt19937_64& random) {
  std::vector<uint32_t> documents(count);
  std::iota(documents.begin(), documents.end(), 0);
  if (shuffled) std::shuffle(documents.begin(), documents.end(), random);
  return documents;
}

/// Writes everything `rounds` times; returns the most that was stored for each live posting after any step.
double rewrite(simulated_index& index, const policy& p, size_t num_documents, int rounds, bool shuffled) {
  std::mt19937_64 random(5);
  const size_t step = num_documents / 20;
  double worst = 0;
  for (int round = 0; round < rounds; round++) {
    const auto documents = order(num_documents, shuffled, random);
    for (size_t at = 0; at < num_documents; at += step) {
      index.add(std::span(documents).subspan(at, step));
      index.settle(p.busy());
      worst = std::max(worst, index.stored_per_live());
    }
  }
  return worst;
}

TEST(MergeGrowth, ReingestingEverythingStoresLittleMoreThanOnceWhateverTheLargestSegment) {
  constexpr size_t documents = 20'000;
  constexpr uint64_t total = documents * postings_per_document;
  for (const bool shuffled : {false, true}) {
    for (const uint64_t max : {uint64_t{5'000}, total / 30, total / 10, total / 3, total * 6 / 10, total * 9 / 10,
                               total * 11 / 10, total * 4}) {
      for (const int rounds : {4, 26}) {
        if (rounds > 4 && max < total / 10) continue;
        SCOPED_TRACE("at most " + std::to_string(max) + (shuffled ? ", shuffled, " : ", in order, ") +
                     std::to_string(rounds) + " rounds");
        const policy p = with_max_size(max);
        simulated_index index(documents, postings_per_document);
        const double worst = rewrite(index, p, documents, rounds, shuffled);
        EXPECT_LE(worst, 1.5);
        index.settle(p.idle());
        EXPECT_EQ(index.live(), total);
        EXPECT_LE(index.stored_per_live(), 1.3);
        const double amplification = static_cast<double>(index.merged()) / static_cast<double>(index.written());
        EXPECT_LE(amplification, 8);
        RecordProperty("amplification", std::to_string(amplification));
      }
    }
  }
}

TEST(MergeGrowth, SmallSetsThatAreRewrittenOrDeletedForEverStaySmall) {
  const policy p = with_max_size(1'000'000);
  for (const bool deleting : {false, true}) {
    simulated_index index(30'000, postings_per_document);
    const std::vector<uint32_t> base = [] {
      std::vector<uint32_t> documents(1'000);
      std::iota(documents.begin(), documents.end(), 20'000);
      return documents;
    }();
    index.add(base);
    for (uint32_t step = 0; step < 2'000; step++) {
      std::vector<uint32_t> inserted, deleted;
      for (uint32_t i = 0; i < 10; i++) {
        inserted.push_back(deleting ? step * 10 + i : i);
        if (deleting && step > 0) deleted.push_back(step * 10 - 10 + i);
      }
      index.add(inserted, deleted);
      index.settle(p.busy());
      ASSERT_LE(index.num_segments(), 10u) << step;
      ASSERT_LE(index.stored_per_live(), 2) << step;
    }
    index.settle(p.idle());
    EXPECT_LE(index.stored_per_live(), 1.3);
  }
}

TEST(MergeGrowth, WhatIsDeletedAltogetherVanishes) {
  for (const uint64_t max : {uint64_t{10'000}, uint64_t{10'000'000}}) {
    const policy p = with_max_size(max);
    simulated_index index(5'000, postings_per_document);
    std::mt19937_64 random(1);
    rewrite(index, p, 5'000, 1, false);
    const auto documents = order(5'000, true, random);
    for (size_t at = 0; at < 5'000; at += 250) {
      index.add({}, std::span(documents).subspan(at, 250));
      index.settle(p.busy());
    }
    index.settle(p.idle());
    EXPECT_EQ(index.stored(), 0u);
    EXPECT_EQ(index.num_segments(), 1u);
  }
}

TEST(MergeGrowth, AtRestSegmentsShrinkByTheFactorFromOneToTheNext) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 300; round++) {
    policy p = with_max_size(1'000'000'000);
    p.options.idle_merge_factor = 2 + static_cast<uint32_t>(random() % 20);
    std::vector<merge_candidate> segments(random() % 30);
    for (auto& s : segments) s.stored = s.live = random() % (uint64_t{1} << random() % 25);
    while (const auto range = choose_idle_merge(segments, p.options)) {
      ASSERT_GE(range->count, 2u);
      merge_candidate merged{0, 0};
      for (size_t i = 0; i < range->count; i++) merged.stored += segments[range->first + i].stored;
      merged.live = merged.stored;
      segments[range->first] = merged;
      segments.erase(segments.begin() + static_cast<long>(range->first) + 1,
                     segments.begin() + static_cast<long>(range->first + range->count));
    }
    // Whatever run: merging it would cost more than it is worth.
    for (size_t i = 1; i < segments.size(); i++) {
      const uint64_t a = std::max<uint64_t>(segments[i - 1].live, 500),
                     b = std::max<uint64_t>(segments[i].live, 500);
      EXPECT_GT(std::max(a, b), std::min(a, b) * (p.options.idle_merge_factor - 1));
    }
  }
}

TEST(MergeGrowth, WriteAmplificationIsBoundedHoweverOftenTheIndexRests) {
  std::mt19937_64 random(4);
  double largest = 0;
  for (int round = 0; round < 60; round++) {
    policy p;
    p.options.max_segment_size = 10'000'000;
    p.options.min_segment_size = 1'000;
    const uint32_t percent_idle = std::vector<uint32_t>{0, 5, 30, 100}[random() % 4];
    const uint32_t percent_rewrites = std::vector<uint32_t>{0, 2, 50, 100}[random() % 4];
    const size_t largest_step = std::vector<size_t>{10, 100, 1'000}[random() % 3];
    simulated_index index(400'000, postings_per_document);
    uint32_t next = 2'000;
    index.add(order(next, false, random));
    double idle_written = 0;
    for (int step = 0; step < 300 && next + largest_step < 400'000; step++) {
      std::vector<uint32_t> inserted, deleted;
      for (size_t i = 1 + random() % largest_step; i > 0; i--) {
        const bool old = random() % 100 < percent_rewrites;
        const uint32_t d = old ? static_cast<uint32_t>(random() % next) : next++;
        (old && random() % 10 == 0 ? deleted : inserted).push_back(d);
      }
      index.add(inserted, deleted);
      index.settle(p.busy());
      if (random() % 100 >= percent_idle) continue;
      const uint64_t before = index.merged();
      index.settle(p.idle());
      idle_written += static_cast<double>(index.merged() - before);
      ASSERT_LE(index.stored_per_live(), 1.26);
    }
    const auto written = static_cast<double>(index.written());
    const double doublings = std::log2(10'000'000.0 * 4 / 1'000);
    EXPECT_LE(idle_written, written * 10 * doublings);
    const double amplification = static_cast<double>(index.merged()) / written;
    largest = std::max(largest, amplification);
    EXPECT_LE(amplification, 16) << percent_idle << " % idle, " << percent_rewrites << " % rewrites, steps of "
                                 << largest_step;
  }
  RecordProperty("largest_amplification", std::to_string(largest));
}

TEST(MergeGrowth, NoMergeIsLargerThanTheFormatHolds) {
  merge_policy_options options;
  options.max_segment_size = UINT64_MAX;
  const uint64_t half = max_segment_postings / 2;
  // Alive they would fit; but of a segment that is half dead nobody knows which documents are the large ones.
  const std::vector<merge_candidate> segments{{half + 2, half / 2}, {half, half}, {half + 2, half / 2}};
  options.max_dead_share = 100;
  for (const auto& choose : {choose_merge, choose_idle_merge}) {
    EXPECT_EQ(choose(segments, options), std::nullopt);
    EXPECT_EQ(choose(std::span(segments).first(2), options), std::nullopt);
  }
  EXPECT_EQ(choose_full_merge(segments, options), (merge_range{0, 1}));
  const std::vector<merge_candidate> fitting{{half, half}, {half, half}};
  EXPECT_EQ(choose_full_merge(fitting, options), (merge_range{0, 2}));
  EXPECT_EQ(choose_idle_merge(fitting, options), (merge_range{0, 2}));
}

TEST(MergeGrowth, ADeadSegmentIsRewrittenAloneLargestGainFirst) {
  merge_policy_options options;
  options.max_segment_size = 100'000'000;
  const std::vector<merge_candidate> segments{
      {90'000'000, 90'000'000}, {90'000'000, 70'000'000}, {90'000'000, 60'000'000}, {90'000'000, 90'000'000}};
  EXPECT_EQ(choose_merge(segments, options), (merge_range{2, 1}));
  EXPECT_EQ(choose_merge(std::span(segments).first(2), options), (merge_range{1, 1}));
  options.max_dead_share = 40;
  EXPECT_EQ(choose_merge(segments, options), std::nullopt);
  EXPECT_EQ(choose_full_merge(segments, options), (merge_range{1, 1}));
  // Also one that is larger than any merge may make.
  options.max_dead_share = 20;
  options.max_segment_size = 50'000'000;
  EXPECT_EQ(choose_merge(segments, options), (merge_range{2, 1}));
}

}  // namespace
}  // namespace fp
