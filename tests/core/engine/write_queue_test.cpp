#include "core/engine/write_queue.hpp"

#include <gtest/gtest.h>

#include "tests/core/support/error_of.hpp"

namespace fp {
namespace {

changes_ptr changes_of(size_t bytes) { return std::make_shared<const std::vector<uint8_t>>(bytes); }

TEST(WriteQueue, GivesCommitsTheirIdsInTheOrderOfArrival) {
  write_queue queue("a", 10, 1000);
  const auto order = make_local_order();
  for (uint64_t number = 1; number <= 3; number++) queue.push({number, changes_of(number), std::nullopt});
  EXPECT_EQ(queue.num_bytes(), 6u);
  const auto batch = queue.next(7, *order);
  EXPECT_EQ(batch.updates, (std::vector<uint64_t>{1, 2, 3}));
  ASSERT_EQ(batch.commits->size(), 3u);
  for (size_t i = 0; i < 3; i++) {
    EXPECT_EQ((*batch.commits)[i].previous, 7 + i);
    EXPECT_EQ((*batch.commits)[i].id, 8 + i);
    EXPECT_EQ((*batch.commits)[i].changes->size(), i + 1);
  }
  EXPECT_TRUE(batch.refused.empty());
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.num_bytes(), 0u);
}

TEST(WriteQueue, ComparesAnExpectedVersionWithTheCommitsBeforeIt) {
  write_queue queue("a", 10, 1000);
  const auto order = make_local_order();
  queue.push({1, changes_of(1), 6});
  queue.push({2, changes_of(1), 5});
  queue.push({3, changes_of(1), 6});
  queue.push({4, changes_of(1), std::nullopt});
  const auto batch = queue.next(5, *order);
  EXPECT_EQ(batch.updates, (std::vector<uint64_t>{2, 3, 4}));
  ASSERT_EQ(batch.refused.size(), 1u);
  EXPECT_EQ(batch.refused[0].update, 1u);
  EXPECT_EQ(batch.refused[0].why.code(), errc::version_mismatch);
  EXPECT_STREQ(batch.refused[0].why.what(), "index a is at version 5, not 6");
}

TEST(WriteQueue, RefusesWhatNoVersionIsLeftFor) {
  write_queue queue("a", 10, 1000);
  const auto order = make_local_order();
  queue.push({1, changes_of(1), std::nullopt});
  queue.push({2, changes_of(1), std::nullopt});
  const auto batch = queue.next(max_commit_id - 1, *order);
  EXPECT_EQ(batch.updates, std::vector<uint64_t>{1});
  ASSERT_EQ(batch.refused.size(), 1u);
  EXPECT_EQ(batch.refused[0].why.code(), errc::read_only);
}

TEST(WriteQueue, IsBoundedInUpdatesAndBytes) {
  write_queue queue("a", 2, 100);
  queue.push({1, changes_of(60), std::nullopt});
  EXPECT_EQ(test::error_of([&] { queue.push({2, changes_of(41), std::nullopt}); }).code(), errc::overloaded);
  queue.push({2, changes_of(40), std::nullopt});
  EXPECT_EQ(test::error_of([&] { queue.push({3, changes_of(0), std::nullopt}); }).code(), errc::overloaded);
  EXPECT_EQ(queue.size(), 2u);
  EXPECT_EQ(queue.clear(), (std::vector<uint64_t>{1, 2}));
  EXPECT_EQ(queue.num_bytes(), 0u);
  queue.push({3, changes_of(100), std::nullopt});
}

TEST(WriteQueue, ABatchIsBoundedInUpdatesAndBytes) {
  write_queue queue("a", 10'000, size_t{1} << 30);
  const auto order = make_local_order();
  for (uint64_t number = 0; number < 1500; number++) queue.push({number, changes_of(1), std::nullopt});
  EXPECT_EQ(queue.next(0, *order).updates.size(), 1024u);
  EXPECT_EQ(queue.next(0, *order).updates.size(), 476u);
  for (uint64_t number = 0; number < 5; number++) queue.push({number, changes_of(size_t{3} << 20), std::nullopt});
  EXPECT_EQ(queue.next(0, *order).updates.size(), 3u) << "the one that passes the bound is the last";
}

}  // namespace
}  // namespace fp
