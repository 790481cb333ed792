#include "core/slices/slice_answers.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

namespace fp {
namespace {

/// What an index with these documents finds.
std::vector<search_result> found(const std::map<document_id, uint32_t>& scores, const slice& part, uint32_t limit,
                                 uint32_t min_score, uint32_t score_pct) {
  std::vector<search_result> all;
  uint32_t best = 0;
  for (const auto& [id, score] : scores) {
    if (part.contains(id)) best = std::max(best, score);
  }
  for (const auto& [id, score] : scores) {
    if (part.contains(id) && score >= std::max<uint64_t>(min_score, uint64_t{best} * score_pct / 100)) {
      all.push_back({id, score});
    }
  }
  std::ranges::sort(
      all, [](const auto& a, const auto& b) { return std::pair(b.score, a.id) < std::pair(a.score, b.id); });
  if (all.size() > limit) all.resize(limit);
  return all;
}

TEST(slice_answers_test, make_what_one_index_would_answer) {
  std::mt19937 random(7);
  for (int round = 0; round < 500; ++round) {
    std::map<document_id, uint32_t> scores;
    const auto most = 1 + random() % 40;
    for (auto n = random() % 300; n > 0; --n)
      scores[1 + static_cast<document_id>(random() % 100'000)] = 1 + random() % most;
    const uint32_t limit = random() % 3 == 0 ? 1 + random() % 5 : 1 + random() % 200;
    const uint32_t min_score = 1 + random() % 10, pct = random() % 101;
    const uint32_t count = 1 + random() % 7;
    std::vector<slice_answer> answers;
    for (uint32_t i = 1; i <= count; ++i) {
      answers.push_back({found(scores, slice(i, count), limit, min_score, pct), i});
      EXPECT_EQ(find_foreign(answers.back(), slice(i, count)), std::nullopt);
    }
    EXPECT_EQ(merge_answers(answers, limit, pct), found(scores, slice(), limit, min_score, pct)) << round;
  }
}

TEST(slice_answers_test, of_other_slices_are_noticed) {
  const slice left(1, 2), right(2, 2);
  document_id of_left = 1, of_right = 1;
  while (!left.contains(of_left)) of_left++;
  while (!right.contains(of_right)) of_right++;
  EXPECT_EQ(find_foreign({{{of_left, 9}, {of_right, 8}}, 1}, left), of_right);
  EXPECT_EQ(find_foreign({{{of_left, 9}, {of_right, 8}}, 1}, right), of_left);
  EXPECT_EQ(find_foreign({}, right), std::nullopt);
}

TEST(slice_answers_test, are_none_where_none_are_wanted) {
  EXPECT_TRUE(merge_answers(std::vector<slice_answer>{{{{5, 3}}, 1}}, 0, 0).empty());
  EXPECT_TRUE(merge_answers({}, 10, 0).empty());
}

}  // namespace
}  // namespace fp
