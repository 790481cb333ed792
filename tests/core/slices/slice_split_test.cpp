#include "core/slices/slice_split.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "core/slices/replica_map.hpp"
#include "tests/core/support/error_of.hpp"

namespace fp {
namespace {

using changes = std::vector<slice_change>;

TEST(slice_split, deals_the_halves_to_the_replicas) {
  const std::vector<slice_holder> members{
      {"a", {1, 2}, true}, {"b", {1, 2}, true}, {"c", {2, 2}, true}, {"d", {2, 2}, true}, {"e", {2, 2}, false}};
  EXPECT_EQ(plan_split(members, {2, 2}, {}), (changes{{"c", {3, 4}}, {"d", {4, 4}}}));
  EXPECT_EQ(plan_split(members, {2, 2}, std::vector<std::string>{"x", "y"}),
            (changes{{"x", {3, 4}}, {"y", {4, 4}}, {"c", {3, 4}}, {"d", {4, 4}}}));
}

TEST(slice_split, goes_on_where_one_broke_off) {
  const std::vector<slice_holder> members{{"a", {1, 2}, true}, {"c", {3, 4}, true}, {"d", {2, 2}, true}};
  EXPECT_EQ(plan_split(members, {2, 2}, {}), (changes{{"d", {4, 4}}}));
  EXPECT_EQ(plan_split(members, {2, 2}, std::vector<std::string>{"c"}), (changes{{"d", {4, 4}}}));
  const std::vector<slice_holder> done{{"c", {3, 4}, true}, {"d", {4, 4}, true}};
  EXPECT_EQ(plan_split(done, {2, 2}, {}), changes{});
}

TEST(slice_split, needs_two_members) {
  const std::vector<slice_holder> members{{"a", {1, 2}, true}, {"c", {2, 2}, true}, {"d", {2, 2}, false}};
  const auto alone = test::error_of([&] { plan_split(members, {2, 2}, {}); });
  EXPECT_EQ(alone.code(), errc::bad_request);
  EXPECT_STREQ(alone.what(), "slice 2/2 has one replica, and its halves need a member each");
  EXPECT_EQ(plan_split(members, {2, 2}, std::vector<std::string>{"d"}), (changes{{"d", {3, 4}}, {"c", {4, 4}}}));
  EXPECT_EQ(plan_split(members, {2, 2}, std::vector<std::string>{"x"}), (changes{{"x", {3, 4}}, {"c", {4, 4}}}));
  EXPECT_STREQ(test::error_of([&] {
                 plan_split(members, {1, 4}, {});
               }).what(),
               "no member that answers holds slice 1/4");
}

/// Whatever breaks off when.
TEST(slice_split, all_is_served_after_every_change) {
  std::mt19937 random(5);
  for (int round = 0; round < 300; ++round) {
    std::vector<slice_holder> members{{"first", {1, 2}, true}};
    const auto num_replicas = 1 + random() % 4;
    for (unsigned i = 0; i < num_replicas; ++i) members.push_back({"r" + std::to_string(i), {2, 2}, true});
    std::vector<std::string> more;
    const auto num_more = random() % 3;
    for (unsigned i = 0; i < num_more; ++i) more.push_back("m" + std::to_string(i));
    if (num_replicas + num_more < 2) continue;
    for (int tries = 0; tries < 3; ++tries) {
      const auto plan = plan_split(members, {2, 2}, more);
      const auto made = tries == 2 ? plan.size() : random() % (plan.size() + 1);
      for (size_t i = 0; i < made; ++i) {
        const auto it = std::ranges::find(members, plan[i].who, &slice_holder::who);
        if (it == members.end()) {
          members.push_back({plan[i].who, plan[i].part, true});
        } else {
          it->part = plan[i].part;
        }
        std::vector<slice_replica> replicas;
        for (const auto& m : members) replicas.push_back({0, m.part, 1, m.serves});
        const auto tiling = replica_map(replicas).choose_tiling([](const slice_replica& r) { return r.serves; });
        EXPECT_TRUE(tiling.fault.empty() && tiling.missing.empty());
      }
    }
    const auto of = [&](const slice& part) { return std::ranges::count(members, part, &slice_holder::part); };
    EXPECT_EQ(of({2, 2}), 0);
    EXPECT_LE(std::abs(of({3, 4}) - of({4, 4})), 1);
  }
}

}  // namespace
}  // namespace fp
