#include "core/slices/replica_map.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <random>
#include <set>
#include <vector>

namespace fp {
namespace {

std::vector<slice> parts(const replica_map& map, const std::vector<size_t>& at) {
  std::vector<slice> out;
  for (const auto i : at) out.push_back(map.holders()[i].part);
  return out;
}

const auto serving = [](const slice_replica& r) { return r.serves; };

/// The best tiling by trying all: missing slices, then slices.
std::optional<std::pair<size_t, size_t>> best_of(const std::set<slice>& known, const std::set<slice>& live,
                                                 uint64_t covered = 0) {
  if (covered > UINT32_MAX) return std::pair<size_t, size_t>(0, 0);
  std::optional<std::pair<size_t, size_t>> best;
  for (const auto& one : known) {
    if (one.first() != covered) continue;
    auto rest = best_of(known, live, uint64_t{one.last()} + 1);
    if (!rest) continue;
    rest->first += !live.contains(one);
    rest->second++;
    if (!best || *rest < *best) best = rest;
  }
  return best;
}

TEST(replica_map_test, gathers_the_replicas_of_each_slice) {
  const replica_map map(
      std::vector<slice_replica>{{3, {2, 2}, 5, true}, {1, {1, 2}, 6, true}, {2, {2, 2}, 7, false}});
  ASSERT_EQ(map.holders().size(), 2u);
  EXPECT_EQ(map.holders()[0].part, slice(1, 2));
  EXPECT_EQ(map.holders()[1].replicas.size(), 2u);
  const auto tiling = map.choose_tiling(serving);
  EXPECT_EQ(parts(map, tiling.slices), (std::vector<slice>{{1, 2}, {2, 2}}));
  EXPECT_TRUE(tiling.missing.empty() && tiling.fault.empty());
}

TEST(replica_map_test, takes_the_slices_that_answer_while_one_is_split) {
  std::vector<slice_replica> replicas{
      {1, {1, 2}, 1, true}, {2, {2, 2}, 1, true}, {3, {3, 4}, 1, true}, {4, {4, 4}, 1, true}};
  EXPECT_EQ(parts(replica_map(replicas), replica_map(replicas).choose_tiling(serving).slices),
            (std::vector<slice>{{1, 2}, {2, 2}}));
  replicas[1].serves = false;
  EXPECT_EQ(parts(replica_map(replicas), replica_map(replicas).choose_tiling(serving).slices),
            (std::vector<slice>{{1, 2}, {3, 4}, {4, 4}}));
  replicas[3].serves = false;
  const replica_map map(replicas);
  EXPECT_EQ(parts(map, map.choose_tiling(serving).missing), (std::vector<slice>{{2, 2}}));
}

TEST(replica_map_test, tells_why_nothing_holds_all) {
  EXPECT_EQ(replica_map().choose_tiling(serving).fault, "no slices are known");
  const replica_map map(std::vector<slice_replica>{{1, {1, 2}, 1, true}, {2, {3, 3}, 1, true}});
  EXPECT_EQ(map.choose_tiling(serving).fault, "no slice holds the mixed ids 2147483648 to 2863311529");
}

TEST(replica_map_test, finds_the_best_tiling) {
  std::mt19937 random(3);
  size_t whole = 0, lacking = 0, none = 0;
  for (int round = 0; round < 3000; ++round) {
    std::set<slice> known, live;
    std::vector<slice_replica> replicas;
    for (auto n = 1 + random() % 14; n > 0; --n) {
      const uint32_t count = std::vector<uint32_t>{1, 2, 4, 8}[random() % 4];
      const slice part(1 + random() % count, count);
      const bool serves = random() % 3 > 0;
      known.insert(part);
      if (serves) live.insert(part);
      replicas.push_back({static_cast<member_number>(n), part, 1, serves});
    }
    const replica_map map(replicas);
    const auto tiling = map.choose_tiling(serving);
    const auto best = best_of(known, live);
    if (!best) {
      none++;
      EXPECT_FALSE(tiling.fault.empty());
      EXPECT_TRUE(tiling.slices.empty() && tiling.missing.empty());
      continue;
    }
    EXPECT_EQ(tiling.fault, "");
    EXPECT_EQ(std::pair(tiling.missing.size(), tiling.slices.size() + tiling.missing.size()), *best);
    auto all = parts(map, tiling.slices);
    const auto missing = parts(map, tiling.missing);
    for (const auto& one : all) EXPECT_TRUE(live.contains(one));
    for (const auto& one : missing) EXPECT_FALSE(live.contains(one));
    all.insert(all.end(), missing.begin(), missing.end());
    EXPECT_EQ(tiling_fault(all), "");
    (missing.empty() ? whole : lacking)++;
  }
  EXPECT_GT(whole, 100u);
  EXPECT_GT(lacking, 100u);
  EXPECT_GT(none, 100u);
}

TEST(replica_map_test, chooses_the_slice_of_a_document) {
  const slice half(1, 2), quarter(2, 4);
  document_id both = 1, other = 1;
  while (!quarter.contains(both)) both++;
  while (half.contains(other)) other++;
  const auto all = [](const slice_replica& r) { return r.serves; };
  const auto parts_of = [](const replica_map& map, const std::vector<size_t>& at) {
    std::vector<std::string> parts;
    for (const auto i : at) parts.push_back(map.holders()[i].part.text());
    return parts;
  };
  using texts = std::vector<std::string>;
  const auto choose = [&](std::vector<slice_replica> replicas, document_id document) {
    const replica_map map(replicas);
    const auto chosen = map.choose_slice_of(document, all);
    return std::tuple(parts_of(map, chosen.slices), parts_of(map, chosen.missing), chosen.fault.empty());
  };
  // What others are missing is of no interest.
  EXPECT_EQ(choose({{0, half, 1, true}}, both), std::tuple(texts{"1/2"}, texts{}, true));
  EXPECT_EQ(choose({{0, half, 1, true}}, other), std::tuple(texts{}, texts{}, false));
  EXPECT_EQ(choose({{0, half, 1, false}}, both), std::tuple(texts{}, texts{"1/2"}, true));
  EXPECT_EQ(choose({{0, half, 1, true, true}, {1, quarter, 1, true}}, both),
            std::tuple(texts{"2/4"}, texts{}, true));
  EXPECT_EQ(choose({{0, half, 1, true, true}, {1, quarter, 1, false}}, both),
            std::tuple(texts{"1/2"}, texts{}, true));
}

}  // namespace
}  // namespace fp
