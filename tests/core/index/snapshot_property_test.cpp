#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "core/index/snapshot.hpp"
#include "core/merge/merge.hpp"
#include "tests/core/support/commits.hpp"

namespace fp {
namespace {

/// What an entry says, by its definition.
struct naive_entry {
  doc_set superseded, needless, live;
  uint64_t needed_tombstones = 0;
};

naive_entry naive_at(const snapshot& s, size_t position) {
  naive_entry naive;
  const auto entries = s.entries();
  const segment& here = *entries[position].segment;
  for (const document_id id : here.documents()) {
    bool newer = false, older = false;
    for (size_t i = 0; i < entries.size(); i++) {
      const bool speaks = entries[i].segment->documents().contains(id);
      newer |= speaks && i > position;
      older |= speaks && i < position;
    }
    const bool deleted = here.tombstones().contains(id);
    if (newer) naive.superseded.add(id);
    if (deleted && !older) naive.needless.add(id);
    if (!newer && !deleted) naive.live.add(id);
    naive.needed_tombstones += deleted && !newer && older;
  }
  return naive;
}

void expect_as_defined(const snapshot& s) {
  snapshot_stats sum;
  for (size_t i = 0; i < s.entries().size(); i++) {
    const snapshot::entry& e = s.entries()[i];
    const naive_entry naive = naive_at(s, i);
    EXPECT_EQ(e.superseded ? *e.superseded : doc_set(), naive.superseded);
    EXPECT_EQ(e.superseded == nullptr, naive.superseded.isEmpty());
    EXPECT_EQ(e.needless_tombstones ? *e.needless_tombstones : doc_set(), naive.needless);
    EXPECT_EQ(e.needed_tombstones, naive.needed_tombstones);
    EXPECT_EQ(e.live_documents, naive.live.cardinality());
    EXPECT_EQ(e.min_live, naive.live.isEmpty() ? 0 : naive.live.minimum());
    EXPECT_EQ(e.max_live, naive.live.isEmpty() ? 0 : naive.live.maximum());
    if (naive.live.isEmpty()) continue;
    sum.min_document = sum.num_documents == 0 ? e.min_live : std::min(sum.min_document, e.min_live);
    sum.max_document = std::max(sum.max_document, e.max_live);
    sum.num_documents += e.live_documents;
  }
  EXPECT_EQ(s.stats().min_document, sum.min_document);
  EXPECT_EQ(s.stats().max_document, sum.max_document);
  EXPECT_EQ(s.stats().num_documents, sum.num_documents);
}

segment_ptr random_segment(std::mt19937_64& random, commit_id id, uint64_t range, uint64_t max_changes) {
  changes_encoder changes;
  const hash_value hashes[] = {1, 2};
  const uint64_t percent_deleted = random() % 2 == 0 ? 0 : random() % 101;
  for (uint64_t i = random() % (max_changes + 1); i > 0; i--) {
    const auto document = static_cast<document_id>(1 + random() % range);
    if (random() % 100 < percent_deleted) {
      changes.erase(document);
    } else {
      changes.insert(document, hashes);
    }
  }
  return test::make_segment(test::make_commit(id, changes));
}

std::pair<size_t, size_t> random_run(std::mt19937_64& random, size_t num_entries) {
  const size_t first = random() % num_entries;
  return {first, 1 + random() % std::min<size_t>(num_entries - first, 5)};
}

TEST(SnapshotProperties, EveryWayToASnapshotGivesWhatTheDefinitionSays) {
  std::mt19937_64 random(77);
  for (int round = 0; round < 150; round++) {
    const uint64_t range = uint64_t{1} << random() % 12, max_changes = uint64_t{1} << random() % 8;
    snapshot_ptr s = std::make_shared<const snapshot>();
    commit_id id = 0;
    for (int step = 0; step < 25; step++) {
      if (s->entries().empty() || random() % 3 != 0) {
        s = s->with_added(random_segment(random, ++id, range, max_changes));
      } else {
        // The index is written to and merged elsewhere while a merge runs.
        const auto [first, count] = random_run(random, s->entries().size());
        const segment_ptr merged = merge_to_memory(*s, first, count);
        const segment* const oldest = s->entries()[first].segment.get();
        if (random() % 2 == 0) s = s->with_added(random_segment(random, ++id, range, max_changes));
        if (first > 0 && random() % 2 == 0) {
          const size_t older = 1 + random() % first;
          s = s->with_replaced(first - older, older, merge_to_memory(*s, first - older, older));
        }
        s = s->with_replaced(*s->position_of(oldest), count, merged);
      }
      expect_as_defined(*s);
    }
    std::vector<segment_ptr> segments;
    for (const auto& e : s->entries()) segments.push_back(e.segment);
    expect_as_defined(*snapshot::from_segments(segments));
    if (HasFailure()) FAIL() << "round " << round;
  }
}

TEST(SnapshotProperties, LiveRangeShrinksOverLongRunsOfDeadDocuments) {
  test::documents all;
  for (document_id id = 1; id <= 20'000; id++) all.push_back({id * 7, {id}});
  snapshot_ptr s = snapshot().with_added(test::make_segment(test::make_commit(1, all)));
  std::vector<document_id> erased;
  for (document_id id = 1; id <= 20'000; id++) {
    if (id == 9'000 || id == 12'000) continue;
    erased.push_back(id * 7);
  }
  s = s->with_added(test::make_segment(test::make_commit(2, {}, erased)));
  EXPECT_EQ(s->stats().min_document, 63'000u);
  EXPECT_EQ(s->stats().max_document, 84'000u);
  EXPECT_EQ(s->stats().num_documents, 2u);
  s = s->with_added(test::make_segment(test::make_commit(3, {}, {63'000, 84'000})));
  EXPECT_EQ(s->stats().num_documents, 0u);
  EXPECT_EQ(s->stats().max_document, 0u);
}

}  // namespace
}  // namespace fp
