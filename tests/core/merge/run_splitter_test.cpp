#include "core/merge/run_splitter.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "core/base/types.hpp"
#include "tests/core/support/error_of.hpp"
#include "tests/core/support/key_list.hpp"

namespace fp {
namespace {

/// Goes through all ranges; answers with how many there are.
size_t check_ranges(const std::vector<std::vector<uint64_t>>& lists, uint64_t max_keys) {
  const auto runs = test::runs_of(lists);
  run_splitter splitter(runs, max_keys);
  std::vector<uint64_t> at(lists.size());
  run_range range;
  uint64_t last_from = 0;
  size_t count = 0;
  for (; splitter.next(range); count++) {
    EXPECT_GE(range.from, last_from);
    last_from = range.from;
    uint64_t num_keys = 0, smallest_left = UINT64_MAX, largest = 0;
    for (size_t i = 0; i < lists.size(); i++) {
      const auto [first, last] = range.positions.at(i);
      EXPECT_EQ(first, at[i]);
      EXPECT_LE(first, last);
      EXPECT_EQ(runs[i]->position_of(range.from, {}, lists[i].size()), first) << "a key below the range";
      at[i] = last;
      num_keys += last - first;
      if (first < last) largest = std::max(largest, lists[i][last - 1]);
      if (last < lists[i].size()) smallest_left = std::min(smallest_left, lists[i][last]);
    }
    EXPECT_LE(largest, smallest_left);
    EXPECT_EQ(range.num_keys, num_keys);
    EXPECT_GT(num_keys, 0u);
    EXPECT_LE(num_keys, max_keys);
    if (testing::Test::HasFailure()) return count;
  }
  for (size_t i = 0; i < lists.size(); i++) EXPECT_EQ(at[i], lists[i].size());
  return count;
}

std::vector<uint64_t> sorted(std::vector<uint64_t> keys) {
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

TEST(RunSplitter, RangesFollowOneAnotherAndAreNoLongerThanTheyMayBe) {
  std::mt19937_64 random(1);
  for (size_t round = 0; round < 300; round++) {
    std::vector<std::vector<uint64_t>> lists(random() % 7);
    for (auto& list : lists) {
      std::vector<uint64_t> keys(random() % (size_t{1} << random() % 11));
      // Now evenly spread, now all of a few hashes, now close together.
      for (auto& key : keys) {
        switch (random() % 3) {
          case 0:
            key = random() | 1;
            break;
          case 1:
            key = make_posting(static_cast<hash_value>(random() % 3 * 0x7fffffff), 1 + random() % 5000);
            break;
          default:
            key = 1'000'000 + random() % 5000;
        }
      }
      list = sorted(std::move(keys));
    }
    check_ranges(lists, std::max<uint64_t>(lists.size(), 1 + random() % 500));
  }
}

TEST(RunSplitter, TheLargestKeyBelongsToTheLastRange) {
  check_ranges({{1, 2, 3, UINT64_MAX}, {UINT64_MAX - 1}}, 2);
}

TEST(RunSplitter, EvenlySpreadKeysMakeRangesThatAreHalfFullAtLeast) {
  std::mt19937_64 random(2);
  std::vector<std::vector<uint64_t>> lists(4);
  for (auto& list : lists) {
    std::vector<uint64_t> keys(20'000);
    for (auto& key : keys) key = random() | 1;
    list = sorted(std::move(keys));
  }
  EXPECT_LE(check_ranges(lists, 1000), 80'000u / 1000 * 2 + 4);
}

TEST(RunSplitter, AHashThatManyDocumentsHoldIsCutToo) {
  std::vector<uint64_t> hot;
  for (document_id id = 1; id <= 100'000; id++) hot.push_back(make_posting(77, id));
  EXPECT_LE(check_ranges({hot, {make_posting(3, 1), make_posting(0xffffffff, 1)}}, 1000), 450u);
}

TEST(RunSplitter, KeysInNoOrderAreAnErrorAndNoEndlessRange) {
  // Wherever it is asked for, the place of a key is the beginning or the end.
  class jumping final : public sorted_run {
   public:
    uint64_t size() const noexcept override { return 10'000; }
    uint64_t position_of(uint64_t key, const run_place&, uint64_t) const noexcept override {
      return key < uint64_t{1} << 40 ? 0 : size();
    }
    size_t read(const run_place&, uint64_t, uint64_t*) const override { return 0; }
    void prepare(const run_place&) noexcept override {}
  };
  std::vector<std::unique_ptr<sorted_run>> runs;
  runs.push_back(std::make_unique<jumping>());
  run_splitter splitter(runs, 1000);
  run_range range;
  EXPECT_EQ(test::error_of([&] { splitter.next(range); }).code(), errc::corrupt_data);
}

}  // namespace
}  // namespace fp
