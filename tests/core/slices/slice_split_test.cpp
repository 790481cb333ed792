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

std::vector<slice_holder> holding(const std::vector<std::pair<std::string, slice>>& all) {
  std::vector<slice_holder> out;
  for (const auto& [who, part] : all) out.push_back({who, part, true});
  return out;
}

TEST(slice_plan, deals_the_slices_in_the_members_order) {
  const auto members = holding({{"a", {}}, {"b", {}}, {"c", {}}, {"d", {}}});
  EXPECT_EQ(plan_slices(members, 4, false), (changes{{"a", {1, 4}}, {"b", {2, 4}}, {"c", {3, 4}}, {"d", {4, 4}}}));
  EXPECT_EQ(plan_slices(members, 2, false), (changes{{"a", {1, 2}}, {"b", {2, 2}}, {"c", {1, 2}}, {"d", {2, 2}}}));
  EXPECT_EQ(plan_slices(members, 1, false), changes{});
  EXPECT_EQ(plan_slices(holding({{"a", {1, 2}}, {"b", {}}}), 1, false), (changes{{"a", {1, 1}}}));
}

TEST(slice_plan, keeps_what_is_held_already) {
  EXPECT_EQ(plan_slices(holding({{"a", {2, 2}}, {"b", {2, 4}}, {"c", {}}}), 2, false),
            (changes{{"b", {1, 2}}, {"c", {1, 2}}}));
  // Unless nobody else is there for a slice.
  EXPECT_EQ(plan_slices(holding({{"a", {2, 3}}, {"b", {2, 3}}, {"c", {2, 3}}, {"d", {}}}), 3, false),
            (changes{{"d", {1, 3}}, {"c", {3, 3}}}));
}

TEST(slice_plan, asks_draining_members_only_where_nobody_else_is_there) {
  auto members = holding({{"a", {}}, {"b", {}}, {"c", {}}});
  members[0].is_draining = true;
  EXPECT_EQ(plan_slices(members, 2, false), (changes{{"b", {1, 2}}, {"c", {2, 2}}}));
  EXPECT_EQ(plan_slices(members, 3, false), (changes{{"b", {1, 3}}, {"c", {2, 3}}, {"a", {3, 3}}}));
  members[0].part = {1, 2};
  EXPECT_EQ(plan_slices(members, 2, false), (changes{{"b", {2, 2}}, {"c", {1, 2}}}));
}

TEST(slice_plan, needs_as_many_members_as_slices) {
  auto members = holding({{"a", {1, 3}}, {"b", {2, 3}}, {"c", {3, 3}}});
  members[2].serves = false;
  const auto few = test::error_of([&] { plan_slices(members, 3, false); });
  EXPECT_EQ(few.code(), errc::bad_request);
  EXPECT_STREQ(few.what(), "3 slices need a member each, and 2 can be asked");
  EXPECT_EQ(test::error_of([&] { plan_slices(members, 0, false); }).code(), errc::bad_request);
}

TEST(slice_plan, leaves_other_slices_of_a_written_index_alone) {
  const auto refused = test::error_of([&] { plan_slices(holding({{"a", {}}, {"b", {}}}), 2, true); });
  EXPECT_EQ(refused.code(), errc::index_already_exists);
  EXPECT_STREQ(refused.what(), "it has been written to, in slice 1/1");
  // Between the changes nothing would go together.
  EXPECT_STREQ(test::error_of([&] {
                 plan_slices(holding({{"a", {1, 3}}, {"b", {1, 2}}, {"c", {2, 2}}}), 3, true);
               }).what(),
               "it has been written to, in slices 1/3, 1/2, 2/2");
  const auto begun = holding({{"a", {1, 2}}, {"b", {}}, {"c", {}}});
  EXPECT_EQ(plan_slices(begun, 2, true), (changes{{"b", {2, 2}}, {"c", {1, 2}}}));
  EXPECT_EQ(plan_slices(holding({{"a", {1, 2}}, {"b", {2, 2}}, {"c", {1, 3}}}), 2, true), (changes{{"c", {1, 2}}}));
}

/// The members of a cluster, some of whom hold slices already, are drained or do not answer.
std::vector<slice_holder> random_members(std::mt19937& random, uint32_t count) {
  std::vector<slice_holder> out;
  for (unsigned i = 0, size = count + random() % 6; i < size; ++i) {
    const uint32_t of = random() % 2 == 0 ? count : 1 + random() % 5;
    out.push_back({"m" + std::to_string(i), {1 + static_cast<uint32_t>(random()) % of, of}, true});
    out.back().is_draining = random() % 5 == 0;
    out.back().serves = random() % 10 != 0;
  }
  return out;
}

bool all_is_served(const std::vector<slice_holder>& members) {
  std::vector<slice_replica> replicas;
  for (const auto& m : members) replicas.push_back({0, m.part, 1, m.serves});
  return replica_map(replicas).choose_tiling([](const slice_replica& r) { return r.serves; }).is_whole();
}

void make(std::vector<slice_holder>& members, const slice_change& change) {
  auto& m = *std::ranges::find(members, change.who, &slice_holder::who);
  EXPECT_TRUE(m.serves);
  EXPECT_NE(m.part, change.part);
  m.part = change.part;
}

TEST(slice_plan, every_slice_has_its_share_of_the_members) {
  std::mt19937 random(7);
  for (int round = 0; round < 2'000; ++round) {
    const uint32_t count = 1 + random() % 5;
    const auto before = random_members(random, count);
    if (std::ranges::count(before, true, &slice_holder::serves) < count) {
      EXPECT_THROW(plan_slices(before, count, false), error);
      continue;
    }
    // Broken off, and gone on with.
    auto members = before;
    const auto first = plan_slices(members, count, false);
    for (size_t i = 0, made = random() % (first.size() + 1); i < made; ++i) make(members, first[i]);
    for (const auto& change : plan_slices(members, count, false)) make(members, change);
    EXPECT_EQ(plan_slices(members, count, false), changes{});
    EXPECT_TRUE(all_is_served(members));

    std::vector<size_t> held(count), lasting(count), dealt(count);
    bool was_taken = false;
    for (size_t i = 0; i < members.size(); ++i) {
      const auto& m = members[i];
      if (!m.serves) continue;
      if (m.part.count() != count) {
        EXPECT_TRUE(m.is_draining) << "it is not needed";
        continue;
      }
      const auto at = m.part.number() - 1;
      held[at]++;
      if (!m.is_draining) lasting[at]++;
      if (m.part == before[i].part) continue;
      dealt[at]++;
      was_taken = was_taken || before[i].part.count() == count;
    }
    EXPECT_GT(std::ranges::min(held), 0u);
    for (uint32_t i = 0; i < count; ++i) {
      if (dealt[i] > 0 && held[i] > 1) {
        EXPECT_LE(lasting[i], std::ranges::min(lasting) + 1);
      }
      if (was_taken) {
        EXPECT_LE(dealt[i], 1u) << "another one was there for the slice that had nobody";
      }
    }
  }
}

TEST(slice_plan, what_is_written_is_served_after_every_change) {
  std::mt19937 random(9);
  int planned = 0;
  for (int round = 0; round < 2'000; ++round) {
    const uint32_t count = 1 + random() % 4;
    auto members = random_members(random, count);
    std::vector<slice_change> plan;
    try {
      plan = plan_slices(members, count, true);
    } catch (const error&) {
      continue;
    }
    if (plan.empty()) continue;
    ++planned;
    EXPECT_EQ(plan, plan_slices(members, count, false));
    const auto broken_off = random() % (plan.size() + 1);
    plan.resize(broken_off);
    for (int tries = 0; tries < 2; ++tries) {
      for (const auto& change : plan) {
        make(members, change);
        EXPECT_TRUE(all_is_served(members));
      }
      plan = plan_slices(members, count, true);
    }
    EXPECT_EQ(plan, changes{});
  }
  EXPECT_GT(planned, 100);
}

}  // namespace
}  // namespace fp
