#include "core/merge/two_way_merge.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <vector>

namespace fp {
namespace {

/// Keys between the smallest and the largest number, in memory that reaches as far beside them as a merge may look.
class framed_keys {
 public:
  framed_keys(const std::vector<uint64_t>& keys, size_t margin)
      : memory_(2 * margin + keys.size() + 2), keys_(std::span(memory_).subspan(margin + 1, keys.size())) {
    std::copy(keys.begin(), keys.end(), keys_.begin());
    memory_[margin + 1 + keys.size()] = std::numeric_limits<uint64_t>::max();
  }
  std::span<const uint64_t> keys() const { return keys_; }

 private:
  std::vector<uint64_t> memory_;
  std::span<uint64_t> keys_;
};

std::vector<uint64_t> merged(const std::vector<uint64_t>& a, const std::vector<uint64_t>& b) {
  const size_t margin = (a.size() + b.size()) / 2 + 1;
  const framed_keys first(a, margin), second(b, margin);
  std::vector<uint64_t> out(a.size() + b.size() + 1);
  merge_two(first.keys(), second.keys(), out.data());
  out.pop_back();
  return out;
}

std::vector<uint64_t> expected(const std::vector<uint64_t>& a, const std::vector<uint64_t>& b) {
  std::vector<uint64_t> all(a.size() + b.size());
  std::merge(a.begin(), a.end(), b.begin(), b.end(), all.begin());
  return all;
}

TEST(TwoWayMerge, EveryWayToDealOutAFewKeys) {
  for (size_t size = 0; size <= 10; size++) {
    for (uint32_t deal = 0; deal < uint32_t{1} << size; deal++) {
      std::vector<uint64_t> a, b;
      for (uint64_t i = 0; i < size; i++) (deal >> i & 1 ? a : b).push_back(i + 1);
      ASSERT_EQ(merged(a, b), expected(a, b)) << size << " keys, " << deal;
    }
  }
}

TEST(TwoWayMerge, ListsOfAnyLengths) {
  std::mt19937_64 random(1);
  for (size_t round = 0; round < 500; round++) {
    std::vector<uint64_t> lists[2];
    for (auto& list : lists) {
      list.resize(random() % (size_t{1} << random() % 12));
      const uint64_t spread = uint64_t{1} << random() % 64;
      for (auto& key : list) key = random() % spread + 1;
      std::sort(list.begin(), list.end());
    }
    ASSERT_EQ(merged(lists[0], lists[1]), expected(lists[0], lists[1])) << round;
  }
}

TEST(TwoWayMerge, TheLargestKeyIsNotTakenForTheEnd) {
  constexpr uint64_t largest = std::numeric_limits<uint64_t>::max();
  for (const std::vector<uint64_t>& b : {std::vector<uint64_t>{}, {1, 2, 3, 4, 5, 6}, {1, 2, 3, 4, 5, 6, 7}}) {
    for (const std::vector<uint64_t>& a : {std::vector<uint64_t>{largest}, {4, largest}, {1, 2, 3, 4, largest}}) {
      EXPECT_EQ(merged(a, b), expected(a, b));
      EXPECT_EQ(merged(b, a), expected(a, b));
    }
  }
}

TEST(TwoWayMerge, KeysInNoOrderLeadItNoFurtherThanItMayLook) {
  std::mt19937_64 random(2);
  for (size_t round = 0; round < 500; round++) {
    std::vector<uint64_t> lists[2];
    for (auto& list : lists) {
      list.resize(random() % 200);
      for (auto& key : list) key = random() % 8 == 0 ? random() : random() % 3;
    }
    EXPECT_EQ(merged(lists[0], lists[1]).size(), lists[0].size() + lists[1].size());
  }
}

}  // namespace
}  // namespace fp
