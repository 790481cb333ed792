#include <gtest/gtest.h>

#include <random>

#include "core/merge/merge.hpp"
#include "core/merge/merge_policy.hpp"
#include "core/search/search.hpp"
#include "tests/core/support/commits.hpp"
#include "tests/core/support/naive_index.hpp"

namespace fp {
namespace {

constexpr size_t hashes_per_document = 20;

std::vector<merge_candidate> candidates_of(const snapshot& s) {
  std::vector<merge_candidate> candidates;
  for (const auto& e : s.entries()) candidates.push_back(candidate_of(e));
  return candidates;
}

/// Real segments that the policy merges as it chooses.
struct merged_index {
  merge_policy_options options;
  snapshot_ptr current = std::make_shared<const snapshot>();
  test::naive_index model;

  void write(const test::documents& inserted, const std::vector<document_id>& erased) {
    const commit c = test::make_commit(current->version() + 1, inserted, erased);
    model.apply(c);
    current = current->with_added(test::make_segment(c));
  }

  template <class Choice>
  void settle(const Choice& choose) {
    while (const auto range = choose(candidates_of(*current), options)) {
      uint64_t expected = 0;
      for (const auto& e : current->entries().subspan(range->first, range->count)) expected += candidate_of(e).live;
      const segment_ptr merged = merge_to_memory(*current, range->first, range->count);
      // Documents are equally large here, so the estimate is exact but for tombstones of this very run.
      EXPECT_LE(merged->info().num_postings + merged->info().num_tombstones, expected);
      current = current->with_replaced(range->first, range->count, merged);
    }
  }
};

TEST(ChosenMerges, RealSegmentsStayDenseAndAnswerAlike) {
  std::mt19937_64 random(12);
  for (int round = 0; round < 30; round++) {
    merged_index index;
    index.options.min_segment_size = 100;
    index.options.max_segment_size = 200 + random() % 20'000;
    const uint32_t range = 20 + static_cast<uint32_t>(random() % 500);
    for (int step = 0; step < 60; step++) {
      test::documents inserted;
      std::vector<document_id> erased;
      for (uint64_t i = random() % 20; i > 0; i--) {
        const auto id = static_cast<document_id>(1 + random() % range);
        if (random() % 4 == 0) {
          erased.push_back(id);
          continue;
        }
        std::vector<hash_value> hashes;
        for (hash_value h = 0; h < hashes_per_document; h++)
          hashes.push_back(h << 8 | static_cast<hash_value>(random() % 16));
        inserted.push_back({id, hashes});
      }
      index.write(inserted, erased);
      index.settle(choose_merge);
      if (random() % 10 == 0) index.settle(choose_idle_merge);
    }
    index.settle(choose_idle_merge);
    const uint64_t live = index.model.documents().size() * hashes_per_document;
    uint64_t stored = 0, needed_tombstones = 0;
    for (const auto& e : index.current->entries()) {
      stored += e.segment->info().num_postings + e.segment->info().num_tombstones;
      needed_tombstones += e.needed_tombstones;
    }
    EXPECT_LE(static_cast<double>(stored), 1.25 * static_cast<double>(live + needed_tombstones));
    EXPECT_EQ(index.current->stats().num_documents, index.model.documents().size());
    index.settle(choose_full_merge);
    for (document_id id = 1; id <= range; id++) {
      const auto found = index.current->find(id), wanted = index.model.find(id);
      ASSERT_EQ(found.has_value(), wanted.has_value()) << id;
      if (wanted) {
        EXPECT_EQ(found->commit, wanted->commit) << id;
      }
    }
    const std::vector<hash_value> query{0, 1 << 8 | 1, 2 << 8 | 1};
    search_options options;
    options.limit = 1000;
    EXPECT_EQ(searcher().search(*index.current, query, options).results, index.model.search(query, options));
  }
}

TEST(ChosenMerges, DeletingEverythingLeavesOneEmptySegment) {
  merged_index index;
  index.options.min_segment_size = 100;
  index.options.max_segment_size = 2'000;
  for (document_id id = 1; id <= 300; id++) {
    index.write({{id, {id, id + 1, id + 2}}}, {});
    index.settle(choose_merge);
  }
  for (document_id id = 1; id <= 300; id++) {
    index.write({}, {id});
    index.settle(choose_merge);
  }
  index.settle(choose_idle_merge);
  ASSERT_EQ(index.current->entries().size(), 1u);
  EXPECT_EQ(index.current->entries()[0].segment->info().num_documents, 0u);
  EXPECT_EQ(index.current->version(), 600u);
}

}  // namespace
}  // namespace fp
