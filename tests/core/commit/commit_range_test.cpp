#include "core/commit/commit_range.hpp"

#include <gtest/gtest.h>

namespace fp {
namespace {

constexpr commit_range whole(commit_id previous, commit_id first, commit_id last) {
  return {previous, first, last};
}

TEST(commit_range, is_possible_when_it_ascends) {
  for (const commit_range& good :
       {whole(0, 1, 1), whole(0, 7, 7), whole(6, 7, 9), whole(6, 100, UINT64_MAX - 1), commit_range{0, 7, 7, 0, 1},
        commit_range{0, 7, 7, 1, 2}, commit_range{0, 7, 7, 1, 0}, commit_range{0, 7, 9, 3, 1},
        // A bulk load of version 0, alone and merged with what came later.
        whole(0, 0, 0), commit_range{0, 0, 0, 1, 0}, whole(0, 0, 5)}) {
    EXPECT_TRUE(good.is_possible()) << to_string(good);
  }
  for (const commit_range& bad :
       {whole(1, 1, 1), whole(7, 6, 9), whole(1, 0, 5), whole(0, 2, 1), whole(0, 1, UINT64_MAX),
        commit_range{0, 7, 7, 1, 1}, commit_range{0, 7, 7, 2, 1}}) {
    EXPECT_FALSE(bad.is_possible()) << to_string(bad);
  }
}

TEST(commit_range, goes_on_where_another_ends) {
  EXPECT_TRUE(whole(3, 4, 4).goes_on(whole(0, 1, 3)));
  EXPECT_TRUE(whole(3, 1000, 1000).goes_on(whole(0, 3, 3))) << "a jump";
  EXPECT_FALSE(whole(4, 1000, 1000).goes_on(whole(0, 3, 3))) << "one is missing";
  EXPECT_FALSE(whole(2, 4, 4).goes_on(whole(0, 1, 3))) << "it overlaps";
  EXPECT_FALSE(whole(0, 1, 3).goes_on(whole(3, 4, 4)));

  const commit_range parts[] = {{3, 9, 9, 0, 1}, {3, 9, 9, 1, 2}, {3, 9, 12, 2, 0}};
  EXPECT_TRUE(parts[0].goes_on(whole(0, 1, 3)));
  EXPECT_TRUE(parts[1].goes_on(parts[0]));
  EXPECT_TRUE(parts[2].goes_on(parts[1]));
  EXPECT_TRUE(whole(12, 13, 13).goes_on(parts[2]));
  EXPECT_FALSE(parts[2].goes_on(parts[0])) << "a part is missing";
  EXPECT_FALSE(parts[1].goes_on(whole(0, 1, 3))) << "the first part is missing";
  EXPECT_FALSE(parts[0].goes_on(parts[0]));
  EXPECT_FALSE(whole(9, 10, 10).goes_on(parts[1])) << "the last part is missing";
  const commit_range all = joined(parts[0], parts[2]);
  EXPECT_EQ(all, whole(3, 9, 12));

  // Version 0 is loaded once.
  EXPECT_TRUE(whole(0, 5, 5).goes_on(whole(0, 0, 0)));
  EXPECT_FALSE(whole(0, 0, 0).goes_on(whole(0, 0, 0)));
}

TEST(commit_range, starts_are_in_the_order_of_segments) {
  const commit_range history[] = {{0, 0, 0, 0, 1}, {0, 0, 0, 1, 0},  {0, 4, 5},         {5, 9, 9, 0, 1},
                                  {5, 9, 9, 1, 2}, {5, 9, 10, 2, 0}, {10, 11, 11, 0, 1}};
  for (size_t i = 1; i < std::size(history); i++) {
    EXPECT_TRUE(history[i].goes_on(history[i - 1])) << i;
    EXPECT_LT(history[i - 1].start(), history[i].start()) << i;
  }
}

TEST(commit_range, has_a_text) {
  EXPECT_EQ(to_string(whole(2, 3, 7)), "3 to 7");
  EXPECT_EQ(to_string(commit_range{2, 3, 7, 2, 4}), "3 (behind part 2) to 7 (part 4)");
  EXPECT_EQ(begin_of(whole(2, 3, 7)), "2");
  EXPECT_EQ(begin_of(commit_range{2, 3, 7, 2, 4}), "part 2 of 3");
  EXPECT_EQ(end_of(commit_range{2, 3, 7, 2, 4}), "part 4 of 7");
}

}  // namespace
}  // namespace fp
