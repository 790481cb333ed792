#include "core/index/document_union.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/core/support/commits.hpp"

namespace fp {
namespace {

/// Documents near each other or far apart, a few or many, some of them deleted.
segment_ptr random_segment(std::mt19937_64& random, commit_id id, uint64_t range) {
  changes_encoder changes;
  const hash_value hash = 1;
  const uint64_t count = random() % 4 == 0 ? random() % 2000 : random() % 20;
  const uint64_t width = random() % 2 == 0 ? range : 1 + random() % range;
  const uint64_t start = random() % (range - width + 1);
  const uint64_t percent_deleted = random() % 3 == 0 ? random() % 101 : 0;
  for (uint64_t i = 0; i < count; i++) {
    const auto document = static_cast<document_id>(1 + start + random() % width);
    if (random() % 100 < percent_deleted) {
      changes.erase(document);
    } else {
      changes.insert(document, {&hash, 1});
    }
  }
  return test::make_segment(test::make_commit(id, changes));
}

TEST(DocumentUnion, TellsWhatSetsTell) {
  std::mt19937_64 random(3);
  for (int round = 0; round < 150; round++) {
    SCOPED_TRACE("round " + std::to_string(round));
    const uint64_t range = (uint64_t{1} << (1 + random() % 32)) - 2;
    std::vector<segment_ptr> segments;
    for (uint64_t i = 1 + random() % 40; i > 0; i--) {
      segments.push_back(random_segment(random, segments.size() + 1, std::max<uint64_t>(range, 1)));
    }
    document_union joined(segments), added(segments);
    doc_set all;
    for (const auto& s : segments) {
      EXPECT_EQ(joined.join(*s), s->documents() & all);
      EXPECT_EQ(added.tombstones_without(*s), s->tombstones() - all);
      added.add(*s);
      all |= s->documents();
      // Both ways to add in turn.
      if (random() % 4 == 0) std::swap(joined, added);
    }
    if (HasFailure()) FAIL();
  }
}

/// Ids at both ends, in segments that are looked at one by one and in ones that are not.
TEST(DocumentUnion, ReachesFromTheSmallestToTheLargestId) {
  test::documents few = {{1, {1}}, {2, {1}}, {0xfffffffe, {1}}, {0xffffffff, {1}}}, many;
  for (document_id id = 1; id < 1000; id++) many.push_back({id, {1}});
  const std::vector<segment_ptr> segments = {test::make_segment(test::make_commit(1, few)),
                                             test::make_segment(test::make_commit(2, many)),
                                             test::make_segment(test::make_commit(3, few)),
                                             test::make_segment(test::make_commit(4, {{1, {1}}, {64, {1}}}))};
  document_union whole(segments);
  EXPECT_TRUE(whole.join(*segments[0]).isEmpty());
  EXPECT_EQ(whole.join(*segments[1]), doc_set::bitmapOf(2, 1, 2));
  EXPECT_EQ(whole.join(*segments[2]), segments[0]->documents());
  EXPECT_EQ(whole.join(*segments[3]), doc_set::bitmapOf(2, 1, 64));

  const std::span<const segment_ptr> close = std::span(segments).subspan(3);
  document_union one(close);
  EXPECT_TRUE(one.join(*segments[3]).isEmpty());
  EXPECT_EQ(one.join(*segments[3]), doc_set::bitmapOf(2, 1, 64));
}

}  // namespace
}  // namespace fp
