#include "core/identify/alignment.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <map>
#include <random>
#include <set>
#include <tuple>

#include "tests/core/support/noisy_hashes.hpp"

namespace fp {
namespace {

using test::random_hashes;
using test::with_wrong_bits;
using hashes = std::vector<hash_value>;

/// Position for position, as the words of the header have it.
alignment naive_align_at(const hashes& query, const hashes& stored, int64_t offset) {
  alignment a;
  a.offset = offset;
  std::set<hash_value> distinct;
  for (int64_t i = 0; i < static_cast<int64_t>(query.size()); i++) {
    const auto place = i + offset;
    if (place < 0 || place >= static_cast<int64_t>(stored.size())) continue;
    const auto q = query[static_cast<size_t>(i)], s = stored[static_cast<size_t>(place)];
    if (q == silence_hash || s == silence_hash) continue;
    a.num_compared++;
    a.num_equal += q == s ? 1 : 0;
    a.num_wrong_bits += static_cast<uint64_t>(std::popcount(q ^ s));
    distinct.insert(q);
  }
  a.num_distinct = static_cast<uint32_t>(distinct.size());
  return a;
}

std::optional<alignment> naive_best(const hashes& query, const hashes& stored, const aligner_options& o) {
  std::map<int64_t, uint32_t> votes;
  for (size_t i = 0; i < query.size(); i++) {
    for (size_t j = 0; j < stored.size(); j++) {
      if (query[i] == silence_hash || stored[j] == silence_hash) continue;
      if (std::popcount(query[i] ^ stored[j]) <= static_cast<int>(o.max_wrong_bits)) {
        votes[static_cast<int64_t>(j) - static_cast<int64_t>(i)]++;
      }
    }
  }
  std::vector<std::pair<int64_t, int64_t>> ranked;
  for (const auto& [offset, count] : votes) ranked.emplace_back(-static_cast<int64_t>(count), offset);
  std::sort(ranked.begin(), ranked.end());
  if (ranked.size() > o.max_offsets) ranked.resize(o.max_offsets);
  const auto sounding = [](const hashes& h) {
    return static_cast<double>(h.size()) - static_cast<double>(std::count(h.begin(), h.end(), silence_hash));
  };
  const double least =
      std::max<double>(o.min_compared, o.min_overlap * std::min(sounding(query), sounding(stored)));
  std::optional<alignment> found;
  for (const auto& [votes_below, offset] : ranked) {
    const auto a = naive_align_at(query, stored, offset);
    if (a.num_compared < least) continue;
    if (!found || std::tuple(a.error(), a.offset) < std::tuple(found->error(), found->offset)) found = a;
  }
  return found;
}

TEST(Alignment, AgreesWithTheNaiveModel) {
  std::mt19937 random(1);
  size_t num_found = 0;
  for (int round = 0; round < 400; round++) {
    const uint32_t universe = round % 3 == 0 ? 0 : 1 + random() % 40;
    const auto stored = random_hashes(random, random() % 120, universe);
    auto query = random_hashes(random, random() % 40, universe);
    if (round % 2 == 0 && !stored.empty()) {
      const auto from = random() % stored.size(), count = std::min<size_t>(stored.size() - from, random() % 60);
      query.assign(stored.begin() + static_cast<std::ptrdiff_t>(from),
                   stored.begin() + static_cast<std::ptrdiff_t>(from + count));
      query = with_wrong_bits(query, random, 0.02 * (round % 8));
    }
    auto silenced = stored;
    for (auto& h : silenced) h = random() % 8 == 0 ? silence_hash : h;
    for (auto& h : query) h = random() % 8 == 0 ? silence_hash : h;
    aligner_options o;
    o.max_wrong_bits = random() % 3;
    o.max_offsets = 1 + random() % 10;
    o.min_compared = random() % 12;
    o.min_overlap = 0.1 * (random() % 11);
    if (o.min_compared == 0 && o.min_overlap == 0) o.min_compared = 1;
    const auto wanted = naive_best(query, silenced, o);
    aligner a(query, o);
    ASSERT_EQ(a.best(silenced), wanted) << round;
    ASSERT_EQ(a.best(silenced), wanted) << "a second time, " << round;
    num_found += wanted.has_value();
    const auto offset = static_cast<int64_t>(random() % 200) - 80;
    ASSERT_EQ(align_at(query, silenced, offset), naive_align_at(query, silenced, offset)) << round;
  }
  EXPECT_GT(num_found, 100u);
}

TEST(Alignment, FindsADamagedPieceInItsPlace) {
  std::mt19937 random(2);
  const auto stored = random_hashes(random, 3'000);
  for (int round = 0; round < 50; round++) {
    const auto from = random() % 2'900;
    const hashes piece(stored.begin() + static_cast<std::ptrdiff_t>(from),
                       stored.begin() + static_cast<std::ptrdiff_t>(from + 65));
    const auto found = aligner(with_wrong_bits(piece, random, 0.1)).best(stored);
    ASSERT_TRUE(found) << round;
    EXPECT_EQ(found->offset, static_cast<int64_t>(from));
    EXPECT_EQ(found->num_compared, 65u);
    EXPECT_NEAR(found->error(), 0.1, 0.05);
    EXPECT_GT(found->num_distinct, 60u);
  }
}

TEST(Alignment, TellsOfAllPlacesThatAreAboutAsMuchAlike) {
  std::mt19937 random(6);
  auto stored = random_hashes(random, 500);
  const auto again = with_wrong_bits(hashes(stored.begin() + 50, stored.begin() + 120), random, 0.01);
  std::copy(again.begin(), again.end(), stored.begin() + 300);
  aligner a(hashes(stored.begin() + 55, stored.begin() + 115));
  const auto all = a.places(stored, 0.03);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].offset, 55);
  EXPECT_EQ(all[1].offset, 305);
  EXPECT_EQ(all[1], naive_align_at(a.query(), stored, 305));
  EXPECT_EQ(a.best(stored), all[0]);
  EXPECT_EQ(a.places(stored, 0).size(), 1u);
}

TEST(Alignment, HangsOverEitherEnd) {
  std::mt19937 random(3);
  const auto stored = random_hashes(random, 100);
  auto query = random_hashes(random, 20);
  query.insert(query.end(), stored.begin(), stored.begin() + 40);
  const auto at_begin = aligner(query).best(stored);
  ASSERT_TRUE(at_begin);
  EXPECT_EQ(at_begin->offset, -20);
  EXPECT_EQ(at_begin->num_equal, 40u);
  query.assign(stored.begin() + 60, stored.end());
  const auto more = random_hashes(random, 30);
  query.insert(query.end(), more.begin(), more.end());
  const auto at_end = aligner(query).best(stored);
  ASSERT_TRUE(at_end);
  EXPECT_EQ(at_end->offset, 60);
  EXPECT_EQ(at_end->num_equal, 40u);
}

TEST(Alignment, SilenceIsNoEvidence) {
  EXPECT_FALSE(aligner(hashes(40, silence_hash)).best(hashes(400, silence_hash)));
  std::mt19937 random(4);
  auto stored = random_hashes(random, 300);
  std::fill(stored.begin() + 100, stored.begin() + 200, silence_hash);
  EXPECT_FALSE(aligner(hashes(stored.begin() + 120, stored.begin() + 180)).best(stored));
  const auto found = aligner(hashes(stored.begin() + 80, stored.begin() + 180)).best(stored);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->offset, 80);
  EXPECT_EQ(found->num_compared, 20u);
}

TEST(Alignment, WhatRepeatsFindsItselfAndSaysHowLittleItIs) {
  // A loop of four hashes, longer than the places of a part that are looked at.
  const hashes loop{0x11111111, 0x2468ace0, 0xfedcba98, 0x0f1e2d3c};
  hashes stored, query;
  for (size_t i = 0; i < 6'000; i++) stored.push_back(loop[i % 4]);
  for (size_t i = 0; i < 2'000; i++) query.push_back(loop[(i + 1) % 4]);
  const auto found = aligner(query).best(stored);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->error(), 0.0);
  EXPECT_EQ(found->num_distinct, 4u);
  EXPECT_EQ(((found->offset % 4) + 4) % 4, 1);
}

TEST(Alignment, TooLittleInCommonIsNone) {
  std::mt19937 random(5);
  const auto stored = random_hashes(random, 200);
  EXPECT_FALSE(aligner({}).best(stored));
  EXPECT_FALSE(aligner(stored).best({}));
  EXPECT_FALSE(aligner(hashes(stored.begin(), stored.begin() + 7)).best(stored));
  EXPECT_TRUE(aligner(hashes(stored.begin(), stored.begin() + 8)).best(stored));
  EXPECT_FALSE(aligner(random_hashes(random, 65)).best(stored));
}

}  // namespace
}  // namespace fp
