#include "core/index/snapshot.hpp"

#include <gtest/gtest.h>

#include "core/base/error.hpp"
#include "core/merge/merge.hpp"
#include "tests/core/support/commits.hpp"
#include "tests/core/support/temporary_folder.hpp"

namespace fp {
namespace {

using test::make_commit;
using test::make_segment;

std::vector<document_id> ids_of(const doc_set_ptr& set) {
  std::vector<document_id> ids;
  if (set) {
    for (const document_id id : *set) ids.push_back(id);
  }
  return ids;
}

TEST(Snapshot, EmptyOne) {
  const auto s = snapshot::from_segments({});
  EXPECT_EQ(s->version(), 0u);
  EXPECT_EQ(s->file_version(), 0u);
  EXPECT_FALSE(s->find(1));
  EXPECT_EQ(s->stats().num_documents, 0u);
}

TEST(Snapshot, TracksWhatNewerSegmentsSpeakFor) {
  const auto a = make_segment(make_commit(1, {{1, {1}}, {2, {2}}, {3, {3}}}));
  const auto b = make_segment(make_commit(2, {{2, {22}}}, {3}));
  const auto c = make_segment(make_commit(3, {{3, {33}}, {4, {4}}}, {2}));
  const auto added = snapshot().with_added(a)->with_added(b)->with_added(c);
  for (const auto& s : {added, snapshot::from_segments({a, b, c})}) {
    EXPECT_EQ(ids_of(s->entries()[0].superseded), (std::vector<document_id>{2, 3}));
    EXPECT_EQ(ids_of(s->entries()[1].superseded), (std::vector<document_id>{2, 3}));
    EXPECT_EQ(s->entries()[2].superseded, nullptr);
    EXPECT_EQ(s->find(1)->commit, 1u);
    EXPECT_FALSE(s->find(2));
    EXPECT_EQ(s->find(3)->commit, 3u);
    const snapshot_stats stats = s->stats();
    EXPECT_EQ(stats.num_documents, 3u);
    EXPECT_EQ(stats.min_document, 1u);
    EXPECT_EQ(stats.max_document, 4u);
    EXPECT_EQ(s->entries()[0].live_documents, 1u);
    EXPECT_EQ(s->entries()[1].live_documents, 0u);
    EXPECT_EQ(s->entries()[2].live_documents, 2u);
    EXPECT_EQ(stats.num_postings, 6u);
    EXPECT_EQ(stats.memory_postings, 6u);
    EXPECT_EQ(stats.num_bytes, a->info().num_bytes + b->info().num_bytes + c->info().num_bytes);
    EXPECT_EQ(s->position_of(b.get()), 1u);
    EXPECT_EQ(s->position_of(nullptr), std::nullopt);
  }
}

TEST(Snapshot, OldSnapshotsStayAsTheyWere) {
  const auto a = make_segment(make_commit(1, {{1, {1}}}));
  const auto before = snapshot().with_added(a);
  const auto after = before->with_added(make_segment(make_commit(2, {}, {1})));
  EXPECT_TRUE(before->find(1));
  EXPECT_EQ(before->version(), 1u);
  EXPECT_EQ(before->entries()[0].superseded, nullptr);
  EXPECT_FALSE(after->find(1));
}

TEST(Snapshot, RefusesGapsAndOverlaps) {
  const auto one = make_segment(make_commit(1, {})), two = make_segment(make_commit(2, {})),
             three = make_segment(make_commit(3, {}));
  EXPECT_THROW(snapshot::from_segments({one, three}), error);
  EXPECT_THROW(snapshot::from_segments({two, two}), error);
  EXPECT_THROW(snapshot::from_segments({two, one}), error);
  const auto s = snapshot::from_segments({one, two});
  EXPECT_THROW(s->with_added(two), error);
  EXPECT_THROW(s->with_replaced(0, 1, two), error);
  EXPECT_THROW(s->with_replaced(0, 2, two), error);
  EXPECT_THROW(s->with_replaced(1, 2, two), error);
  EXPECT_THROW(s->with_replaced(0, 0, one), error);
  EXPECT_EQ(snapshot::from_segments({two, three})->version(), 3u);
}

TEST(Snapshot, FilesComeBeforeMemory) {
  const test::temporary_folder folder;
  auto s =
      snapshot::from_segments({make_segment(make_commit(1, {{1, {1}}})), make_segment(make_commit(2, {{2, {2}}})),
                               make_segment(make_commit(3, {{3, {3}}}))});
  const auto file = merge_to_file(*s, 0, 2, posix_file_system(), folder / "a.seg", load_mode::map);
  const auto later = merge_to_file(*s, 1, 1, posix_file_system(), folder / "b.seg", load_mode::map);
  EXPECT_THROW(s->with_replaced(1, 1, later), error);
  s = s->with_replaced(0, 2, file);
  EXPECT_EQ(s->num_file_segments(), 1u);
  EXPECT_EQ(s->file_version(), 2u);
  EXPECT_EQ(s->version(), 3u);
  EXPECT_EQ(s->stats().num_memory_segments, 1u);
  EXPECT_EQ(s->stats().memory_postings, 1u);
}

TEST(Snapshot, NewerMetadataWins) {
  changes_encoder changes;
  changes.set_metadata("a", "1");
  changes.set_metadata("b", "1");
  const auto first = make_segment(make_commit(1, changes));
  changes.set_metadata("a", "2");
  const auto second = make_segment(make_commit(2, changes));
  EXPECT_EQ(snapshot::from_segments({first, second})->metadata().to_map(), (metadata_map{{"a", "2"}, {"b", "1"}}));
}

}  // namespace
}  // namespace fp
