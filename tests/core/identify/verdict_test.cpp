#include "core/identify/verdict.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/core/support/noisy_hashes.hpp"

namespace fp {
namespace {

using test::random_hashes;
using test::with_wrong_bits;
using hashes = std::vector<hash_value>;

hashes piece_of(const hashes& of, size_t from, size_t count) {
  return hashes(of.begin() + static_cast<std::ptrdiff_t>(from),
                of.begin() + static_cast<std::ptrdiff_t>(from + count));
}

candidate laid(document_id id, const hashes& query, const hashes& stored, int64_t offset) {
  return {id, query, stored, align_at(query, stored, offset), 0};
}

TEST(Verdict, NamesWhatIsAlikeAndTheMoreSurelyTheMoreSo) {
  std::mt19937 random(1);
  const auto stored = random_hashes(random, 500), other = random_hashes(random, 500);
  const auto clean = piece_of(stored, 100, 60);
  const auto of = [&](const hashes& query) {
    const candidate both[] = {laid(2, query, other, 30), laid(1, query, stored, 100)};
    return judge(both);
  };
  const auto sure = of(with_wrong_bits(clean, random, 0.05));
  EXPECT_EQ(sure.how, certainty::sure);
  EXPECT_EQ(sure.why, doubt::none);
  ASSERT_EQ(sure.candidates.size(), 2u);
  EXPECT_EQ(sure.candidates[0].id, 1u);
  EXPECT_EQ(sure.candidates[0].where.offset, 100);
  EXPECT_EQ(of(with_wrong_bits(clean, random, 0.14)).how, certainty::likely);
  const auto none = of(with_wrong_bits(clean, random, 0.25));
  EXPECT_EQ(none.how, certainty::none);
  EXPECT_EQ(none.why, doubt::not_alike);
  EXPECT_EQ(judge({}).why, doubt::nothing_alike);
}

TEST(Verdict, FewerHashesMustBeMoreAlike) {
  double former = 0;
  for (uint32_t distinct = 1; distinct < 500; distinct++) {
    const double limit = verdict_limits::most_wrong(distinct);
    EXPECT_GT(limit, former);
    EXPECT_LT(limit, verdict_limits::most_error);
    former = limit;
  }
  // Below the least that unknown music had.
  EXPECT_LT(verdict_limits::most_wrong(9), 0.066);
  EXPECT_LT(verdict_limits::most_wrong(16), 0.102);
  EXPECT_LT(verdict_limits::most_wrong(30), 0.14);
  EXPECT_LT(verdict_limits::most_wrong(59), 0.19);
  EXPECT_LT(verdict_limits::most_wrong(120), 0.22);
}

TEST(Verdict, SaysNothingWhereAnotherRecordingIsAsMuchAlike) {
  std::mt19937 random(2);
  const auto query = random_hashes(random, 60);
  auto first = random_hashes(random, 200), second = random_hashes(random, 200);
  const auto put = [&](hashes& into, double share) {
    const auto like = with_wrong_bits(query, random, share);
    std::copy(like.begin(), like.end(), into.begin() + 50);
  };
  put(first, 0.13);
  put(second, 0.14);
  const candidate both[] = {laid(1, query, first, 50), laid(2, query, second, 50)};
  EXPECT_EQ(judge(both).why, doubt::ambiguous);
  put(first, 0.06);
  put(second, 0.07);
  const candidate nearer[] = {laid(1, query, first, 50), laid(2, query, second, 50)};
  EXPECT_EQ(judge(nearer).how, certainty::likely);
}

TEST(Verdict, TheSameRecordingTwiceIsNoDoubt) {
  std::mt19937 random(3);
  const auto first = random_hashes(random, 200);
  auto second = random_hashes(random, 20);
  const auto copy = with_wrong_bits(first, random, 0.02);
  second.insert(second.end(), copy.begin(), copy.end());
  for (const double share : {0.02, 0.14}) {
    const auto query = with_wrong_bits(piece_of(first, 50, 60), random, share);
    const candidate both[] = {laid(1, query, first, 50), laid(2, query, second, 70)};
    const auto v = judge(both);
    EXPECT_EQ(v.how, share < 0.1 ? certainty::sure : certainty::likely);
    EXPECT_EQ(v.candidates.size(), 2u);
  }
}

TEST(Verdict, OfADocumentTheBestPlaceCounts) {
  std::mt19937 random(4);
  const auto stored = random_hashes(random, 300);
  const auto query = piece_of(stored, 100, 60);
  const candidate all[] = {laid(1, query, stored, 20), laid(1, query, stored, 100), laid(1, query, stored, 101)};
  const auto v = judge(all);
  ASSERT_EQ(v.candidates.size(), 1u);
  EXPECT_EQ(v.candidates[0].where.offset, 100);
  EXPECT_EQ(v.how, certainty::sure);
}

TEST(Verdict, WhatRepeatsIsOnlyWhatRepeatsAsAWhole) {
  std::mt19937 random(5);
  hashes loop, song = random_hashes(random, 400);
  for (size_t i = 0; i < 100; i++) loop.push_back(0x1234567 * (1 + i % 4));
  std::copy(loop.begin(), loop.end(), song.begin() + 100);
  const auto query = piece_of(loop, 8, 60);
  const candidate in_song[] = {laid(1, query, song, 108)};
  EXPECT_EQ(judge(in_song).how, certainty::none) << "a song that holds it";
  EXPECT_EQ(judge(in_song).why, doubt::repeats);
  const candidate both[] = {laid(1, query, song, 108), laid(2, query, loop, 8)};
  const auto v = judge(both);
  EXPECT_EQ(v.how, certainty::likely) << "finds itself, but never surely";
  EXPECT_EQ(v.candidates[0].id, 2u);
  auto other = loop;
  for (auto& h : other) h ^= 0x111;
  const candidate differs[] = {laid(3, query, other, 8)};
  EXPECT_EQ(judge(differs).why, doubt::repeats);
}

TEST(ClipContent, SilenceAndTooLittleAreToldApart) {
  std::mt19937 random(6);
  EXPECT_EQ(content_of(hashes(40, silence_hash)).reason_against(), doubt::silence);
  EXPECT_EQ(content_of({}).reason_against(), doubt::too_short);
  EXPECT_EQ(content_of(random_hashes(random, 7)).reason_against(), doubt::too_short);
  EXPECT_EQ(content_of(random_hashes(random, 8)).reason_against(), doubt::none);
  auto edges = hashes(40, silence_hash);
  edges[0] = edges[39] = 7;
  EXPECT_EQ(content_of(edges).reason_against(), doubt::silence);
  EXPECT_EQ(content_of(edges).num_distinct, 1u);
  EXPECT_TRUE(content_of(hashes(40, 7)).repeats());
  EXPECT_FALSE(content_of(random_hashes(random, 40)).repeats());
}

}  // namespace
}  // namespace fp
