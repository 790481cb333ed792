#include "core/segment/segment.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "core/base/error.hpp"
#include "core/segment/document_table.hpp"
#include "core/segment/posting_table.hpp"
#include "core/segment/segment_format.hpp"
#include "core/segment/segment_writer.hpp"
#include "tests/core/support/commits.hpp"

namespace fp {
namespace {

using test::make_commit;
using test::make_segment;

std::vector<posting> all_postings(const segment& s) {
  std::vector<posting> result;
  const posting_table& table = s.postings();
  for (uint32_t b = 0; b < table.split().num_buckets(); b++) {
    const auto [first, last] = table.bucket_range(b);
    for (uint32_t at = first; at < last; at++) {
      result.push_back(table.posting_of(b, table.entries()[at]));
    }
  }
  return result;
}

errc code_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const error& e) {
    return e.code();
  }
  ADD_FAILURE() << "no error";
  return errc::internal_error;
}

TEST(HashSplit, JoinsWhatItSplits) {
  std::mt19937_64 random(3);
  for (const hash_value mask : {0u, 1u, 0x80000000u, 0xffffffffu, 0xfffffff0u, 0x00ffff00u, 0xf0000001u}) {
    for (const uint64_t count :
         {uint64_t{0}, uint64_t{1}, uint64_t{16}, uint64_t{17}, uint64_t{5'000'000}, uint64_t{UINT32_MAX}}) {
      const hash_split split = hash_split::choose(count, mask);
      ASSERT_LE(split.shift + split.bucket_bits + split.tail_bits, 32);
      ASSERT_LE(split.tail_bits, hash_split::max_tail_bits);
      const bool few = count * 4 <= uint64_t{5} << split.bucket_bits;
      ASSERT_TRUE(few || split.tail_bits == 0 || split.bucket_bits == 31) << "buckets are too full";
      ASSERT_TRUE(split.holds(mask));
      for (int i = 0; i < 100; i++) {
        const auto h = static_cast<hash_value>(random()) & mask;
        ASSERT_TRUE(split.holds(h));
        ASSERT_LT(split.bucket(h), split.num_buckets());
        ASSERT_EQ(posting_codec(split, 0, 0).posting_of(split.bucket(h), split.tail(h)), make_posting(h, 0));
      }
    }
  }
  EXPECT_FALSE(hash_split::choose(10, 0xff00).holds(0x100ff));
  EXPECT_FALSE(hash_split::choose(10, 0xff00).holds(0x10000));
  EXPECT_FALSE(hash_split::choose(10, 0).holds(1));
}

TEST(MemorySegment, HoldsDistinctPostingsInOrder) {
  const segment_ptr s = make_segment(make_commit(7, {{9, {5, 3, 5, 0}}, {2, {5, 0xffffffff}}}, {4}));
  EXPECT_EQ(all_postings(*s), (std::vector<posting>{make_posting(0, 9), make_posting(3, 9), make_posting(5, 2),
                                                    make_posting(5, 9), make_posting(0xffffffff, 2)}));
  const segment_info& info = s->info();
  EXPECT_EQ(info.first_commit, 7u);
  EXPECT_EQ(info.last_commit, 7u);
  EXPECT_EQ(info.num_postings, 5u);
  EXPECT_EQ(info.num_documents, 3u);
  EXPECT_EQ(info.num_tombstones, 1u);
  EXPECT_EQ(info.min_document, 2u);
  EXPECT_EQ(info.max_document, 9u);
  EXPECT_EQ(s->documents(), doc_set::bitmapOf(3, 2, 4, 9));
  EXPECT_EQ(s->tombstones(), doc_set::bitmapOf(1, 4));
  EXPECT_TRUE(s->is_memory());
  s->verify();
}

TEST(MemorySegment, LastChangeToADocumentCounts) {
  changes_encoder changes;
  changes.insert(1, std::vector<hash_value>{10, 11});
  changes.insert(2, std::vector<hash_value>{20});
  changes.set_metadata("a", "old");
  changes.set_metadata("b", "kept");
  changes.erase(3);
  const commit first = make_commit(1, changes);
  changes.insert(3, std::vector<hash_value>{30});
  changes.erase(2);
  changes.insert(1, std::vector<hash_value>{12});
  changes.insert(1, std::vector<hash_value>{13});
  changes.set_metadata("a", "new");
  const commit second = make_commit(2, changes);
  const segment_ptr s = build_memory_segment(std::vector<commit>{first, second, make_commit(3, {{5, {50}}})});
  EXPECT_EQ(all_postings(*s),
            (std::vector<posting>{make_posting(13, 1), make_posting(30, 3), make_posting(50, 5)}));
  EXPECT_EQ(s->tombstones(), doc_set::bitmapOf(1, 2));
  EXPECT_EQ(s->metadata().to_map(), (metadata_map{{"a", "new"}, {"b", "kept"}}));
  EXPECT_EQ(s->find(1)->commit, 2u);
  EXPECT_TRUE(s->find(2)->deleted);
  EXPECT_FALSE(s->find(3)->deleted);
  EXPECT_EQ(s->find(5)->commit, 3u);
  EXPECT_FALSE(s->find(4));
  EXPECT_FALSE(s->find(0));
  EXPECT_FALSE(s->find(0xffffffff));
}

TEST(MemorySegment, ExtremeIdsAndHashes) {
  for (const auto& documents : std::vector<test::documents>{{{1, {0}}},
                                                            {{0xffffffff, {0xffffffff}}},
                                                            {{1, {0, 0xffffffff}}, {0xffffffff, {0, 0xffffffff}}},
                                                            {{77, {0x80000000}}}}) {
    const segment_ptr s = make_segment(make_commit(1, documents));
    std::vector<posting> expected;
    for (const auto& [id, hashes] : documents) {
      for (const hash_value h : hashes) expected.push_back(make_posting(h, id));
      EXPECT_TRUE(s->find(id));
    }
    std::sort(expected.begin(), expected.end());
    EXPECT_EQ(all_postings(*s), expected);
  }
}

TEST(MemorySegment, EmptyCommitStillCoversItsRange) {
  const segment_ptr s = make_segment(make_commit(4, {}));
  EXPECT_EQ(s->info().first_commit, 4u);
  EXPECT_EQ(s->info().num_documents, 0u);
  EXPECT_EQ(s->info().num_bytes, segment_header_bytes + num_sections * section_alignment);
  EXPECT_FALSE(s->find(1));
  s->verify();
}

TEST(MemorySegment, ManyDocuments) {
  test::documents documents;
  std::vector<posting> expected;
  std::mt19937_64 random(5);
  for (document_id id = 100; documents.size() < 20'000; id += 1 + static_cast<document_id>(random() % 3)) {
    documents.push_back({id, {static_cast<hash_value>(random() & 0xfffff0), 16}});
    for (const hash_value h : documents.back().second) expected.push_back(make_posting(h, id));
  }
  std::shuffle(documents.begin(), documents.end(), random);
  std::sort(expected.begin(), expected.end());
  expected.erase(std::unique(expected.begin(), expected.end()), expected.end());
  const segment_ptr s = make_segment(make_commit(1, documents));
  EXPECT_EQ(all_postings(*s), expected);
  EXPECT_EQ(s->documents().cardinality(), documents.size());
  for (const auto& [id, hashes] : documents) ASSERT_TRUE(s->find(id) && s->documents().contains(id));
}

TEST(MemorySegment, RefusesCommitsThatDoNotFollowEachOther) {
  EXPECT_EQ(code_of([] { build_memory_segment({}); }), errc::internal_error);
  const std::vector<commit> gap = {make_commit(1, {}), make_commit(3, {})};
  EXPECT_EQ(code_of([&] { build_memory_segment(gap); }), errc::internal_error);
  const std::vector<commit> back = {make_commit(3, {}), test::make_commit_behind(3, 3, {})};
  EXPECT_EQ(code_of([&] { build_memory_segment(back); }), errc::internal_error);
  const std::vector<commit> beyond = {test::make_commit_behind(3, UINT64_MAX, {})};
  EXPECT_EQ(code_of([&] { build_memory_segment(beyond); }), errc::internal_error);
  const std::vector<commit> one = {make_commit(3, {})};
  EXPECT_EQ(code_of([&] { build_memory_segment(one, {.first_part = 2, .last_part = 2}); }), errc::internal_error);
}

TEST(MemorySegment, CoversWhatItsCommitsJumpOver) {
  const std::vector<commit> jumping = {test::make_commit_behind(4, 7, {{1, {1}}}),
                                       test::make_commit_behind(7, 1000, {{2, {2}}})};
  const segment_ptr s = build_memory_segment(jumping);
  EXPECT_EQ(s->info().commits(), (commit_range{.previous = 4, .first = 7, .last = 1000}));
  EXPECT_EQ(s->find(1)->commit, 7u);
  EXPECT_EQ(s->find(2)->commit, 1000u);
}

TEST(SegmentWriter, RefusesWhatWasNotAnnounced) {
  segment_shape shape;
  shape.first_commit = 1;
  shape.last_commit = 2;
  shape.num_postings = 2;
  shape.num_documents = 1;
  shape.min_document = 10;
  shape.max_document = 20;
  shape.hash_mask = 0xff0;
  const auto writing = [&](std::vector<posting> postings, std::vector<document_id> documents, commit_id commit = 1,
                           bool deleted = false) {
    return code_of([&] {
      memory_sink sink(plan_segment(shape).num_bytes());
      segment_writer writer(sink, shape);
      writer.add_postings(postings);
      for (const document_id id : documents) writer.add_document(id, commit, deleted);
      writer.finish();
    });
  };
  const posting a = make_posting(0x10, 10), b = make_posting(0x20, 20);
  EXPECT_EQ(writing({b, a}, {10}), errc::corrupt_data);
  EXPECT_EQ(writing({a, a}, {10}), errc::corrupt_data);
  EXPECT_EQ(writing({a}, {10}), errc::corrupt_data);
  EXPECT_EQ(writing({a, b, b + 1}, {10}), errc::corrupt_data);
  EXPECT_EQ(writing({a, make_posting(0x20, 21)}, {10}), errc::corrupt_data);
  EXPECT_EQ(writing({a, make_posting(0x20, 9)}, {10}), errc::corrupt_data);
  EXPECT_EQ(writing({a, make_posting(0x21, 20)}, {10}), errc::corrupt_data);
  EXPECT_EQ(writing({a, make_posting(0x1020, 20)}, {10}), errc::corrupt_data);
  EXPECT_EQ(writing({a, b}, {}), errc::corrupt_data);
  EXPECT_EQ(writing({a, b}, {10, 11}), errc::corrupt_data);
  EXPECT_EQ(writing({a, b}, {21}), errc::corrupt_data);
  EXPECT_EQ(writing({a, b}, {10}, 3), errc::corrupt_data);
  EXPECT_EQ(writing({a, b}, {10}, 1, true), errc::corrupt_data);
}

TEST(SegmentWriter, RefusesMoreThanASegmentHolds) {
  segment_shape shape;
  shape.first_commit = shape.last_commit = 1;
  shape.num_documents = shape.min_document = shape.max_document = 1;
  shape.num_postings = max_segment_postings + 1;
  EXPECT_EQ(code_of([&] { plan_segment(shape); }), errc::payload_too_large);
}

TEST(SegmentWriter, HoldsAnyRangeOfCommits) {
  for (const commit_id last : {commit_id{4}, commit_id{1} << 55, commit_id{1} << 56, (commit_id{1} << 56) + 1,
                               commit_id{1} << 60, max_commit_id}) {
    SCOPED_TRACE(last);
    const commit oldest = make_commit(2, {{1, {1}}, {2, {1}}, {3, {1}}});
    const commit_id between = std::max<commit_id>(last - 1, 3);
    const commit middle = test::make_commit_behind(2, between, {{1, {2}}, {4, {4}}});
    const commit newest = test::make_commit_behind(between, last, {{2, {2}}, {5, {5}}, {6, {6}}});
    const commit commits[] = {oldest, middle, newest};
    const segment_ptr s = build_memory_segment(commits);
    EXPECT_EQ(s->info().commits(), (commit_range{.previous = 1, .first = 2, .last = last}));
    EXPECT_EQ(s->find(3)->commit, 2u);
    EXPECT_EQ(s->find(1)->commit, between);
    EXPECT_EQ(s->find(4)->commit, between);
    for (const document_id id : {2, 5, 6}) EXPECT_EQ(s->find(id)->commit, last) << id;
    s->verify();
  }
}

}  // namespace
}  // namespace fp
