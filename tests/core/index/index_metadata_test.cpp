#include "core/index/index_metadata.hpp"

#include <gtest/gtest.h>

#include "core/index/snapshot.hpp"
#include "core/merge/merge.hpp"
#include "core/merge/merge_policy.hpp"
#include "tests/core/support/commits.hpp"
#include "tests/core/support/failing_allocation.hpp"

namespace fp {
namespace {

segment_ptr setting(commit_id id, const std::vector<std::pair<std::string, std::optional<std::string>>>& entries) {
  changes_encoder changes;
  for (const auto& [key, value] : entries) {
    if (value) {
      changes.set_metadata(key, *value);
    } else {
      changes.remove_metadata(key);
    }
  }
  return test::make_segment(test::make_commit(id, changes));
}

TEST(index_metadata, newer_entries_hide_older_ones) {
  const auto index = snapshot::from_segments({setting(1, {{"a", "1"}, {"b", "1"}, {"c", "1"}}),
                                              setting(2, {{"b", std::nullopt}, {"d", std::nullopt}}),
                                              setting(3, {{"c", "3"}}), setting(4, {{"b", ""}})});
  EXPECT_EQ(index->metadata().to_map(), (metadata_map{{"a", "1"}, {"b", ""}, {"c", "3"}}));
  EXPECT_EQ(index->metadata().size(), 3u);
  EXPECT_EQ(index->metadata().find("c"), "3");
  EXPECT_EQ(index->metadata().find("b"), "");
  EXPECT_EQ(index->metadata().find("d"), std::nullopt);
  EXPECT_EQ(index->metadata().find("x"), std::nullopt);
  EXPECT_EQ(snapshot().metadata().size(), 0u);
}

TEST(index_metadata, commits_without_any_leave_it_as_it_is) {
  auto index = snapshot::from_segments({setting(1, {{"a", "1"}})});
  const auto* before = &index->metadata();
  const auto next = index->with_added(test::make_segment(test::make_commit(2, {{1, {2}}})));
  EXPECT_EQ(&next->metadata(), before);
  EXPECT_NE(&next->with_added(setting(3, {{"b", "1"}}))->metadata(), before);
}

TEST(index_metadata, a_removal_stays_until_there_is_nothing_older) {
  const auto index = snapshot::from_segments({setting(1, {{"a", "1"}, {"b", "1"}}), setting(2, {{"b", "2"}}),
                                              setting(3, {{"a", std::nullopt}}), setting(4, {{"c", "4"}})});
  const auto newer = merge_to_memory(*index, 1, 3);
  EXPECT_EQ(newer->metadata().size(), 3u) << "the removal hides what the oldest segment has";
  const auto next = index->with_replaced(1, 3, newer);
  EXPECT_EQ(next->metadata().to_map(), (metadata_map{{"b", "2"}, {"c", "4"}}));
  const auto all = merge_to_memory(*next, 0, 2);
  EXPECT_EQ(all->metadata().size(), 2u);
  EXPECT_EQ(next->with_replaced(0, 2, all)->metadata().to_map(), next->metadata().to_map());
}

TEST(index_metadata, counts_as_size_when_merges_are_chosen) {
  const auto index = snapshot::from_segments({setting(1, {{"a", std::string(40'000, 'x')}}), setting(2, {})});
  const auto large = candidate_of(index->entries()[0]), small = candidate_of(index->entries()[1]);
  EXPECT_GE(large.stored, 10'000u);
  EXPECT_EQ(large.live, large.stored);
  EXPECT_EQ(small.stored, 0u);
}

TEST(index_metadata, is_held_once) {
  constexpr size_t num_keys = 20'000;
  changes_encoder changes;
  int64_t bytes = 0;
  for (size_t i = 0; i < num_keys; i++) {
    const auto key = "key number " + std::to_string(i), value = "value of the key with number " + std::to_string(i);
    changes.set_metadata(key, value);
    bytes += static_cast<int64_t>(key.size() + value.size());
  }
  const auto c = test::make_commit(1, changes);
  const int64_t before = test::allocated_bytes();
  const auto index = snapshot::from_segments({test::make_segment(c)});
  EXPECT_EQ(index->metadata().size(), num_keys);
  EXPECT_EQ(index->metadata().find("key number 77"), "value of the key with number 77");
  const auto next = index->with_added(test::make_segment(test::make_commit(2, {{1, {2}}})));
  EXPECT_EQ(next->metadata().size(), num_keys);
  EXPECT_LT(test::allocated_bytes() - before, 2 * bytes);
}

}  // namespace
}  // namespace fp
