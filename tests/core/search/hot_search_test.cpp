#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "core/search/search.hpp"
#include "core/search/stop_condition.hpp"
#include "tests/core/support/commits.hpp"
#include "tests/core/support/counting_clock.hpp"
#include "tests/core/support/naive_index.hpp"
#include "tests/core/support/watched_search.hpp"

namespace fp {
namespace {

using test::counting_clock;
using test::make_commit;
using test::make_segment;

constexpr hash_value first_hot = 1u << 20, first_rare = 1u << 28;  ///< far from each other
constexpr uint32_t num_hot = 12, num_rare = 40;

hash_value hot(uint32_t number) { return first_hot + (number << 8); }
hash_value rare(uint32_t number) { return first_rare + (number << 8); }

/// Segments of documents that rewrite and delete each other, beside their model. Each hot hash has a share of its
/// own of the documents, of all or of a stretch of the ids; rare hashes are in a few.
struct hot_subject {
  test::naive_index model;
  snapshot_ptr index = std::make_shared<const snapshot>();

  hot_subject() = default;
  hot_subject(uint64_t seed, uint32_t num_documents, commit_id num_segments, uint32_t distance) {
    std::mt19937_64 random(seed);
    struct shape {
      uint64_t percent;
      uint32_t from, to;
    };
    std::vector<shape> shapes;
    for (uint32_t h = 0; h < num_hot; h++) {
      const auto from = static_cast<uint32_t>(random() % 3 == 0 ? random() % num_documents : 0);
      const auto to = static_cast<uint32_t>(random() % 3 == 0 ? random() % num_documents : num_documents);
      shapes.push_back({random() % 4 == 0 ? 100 : random() % 100, std::min(from, to), std::max(from, to)});
    }
    for (commit_id c = 1; c <= num_segments; c++) {
      test::documents documents;
      std::vector<document_id> erased;
      for (uint32_t i = 1; i <= num_documents; i++) {
        const document_id id = i * distance;
        if (c > 1 && random() % 3 != 0) continue;
        if (c > 1 && random() % 20 == 0) {
          erased.push_back(id);
          continue;
        }
        std::vector<hash_value> hashes;
        for (uint32_t h = 0; h < num_hot; h++) {
          const auto& s = shapes[h];
          if (s.from <= i && i <= s.to && random() % 100 < s.percent) hashes.push_back(hot(h));
        }
        for (uint64_t n = random() % 3; n > 0; n--)
          hashes.push_back(rare(static_cast<uint32_t>(random() % num_rare)));
        if (hashes.empty()) hashes.push_back(1);
        documents.push_back({id, std::move(hashes)});
      }
      const commit one = make_commit(c, documents, erased);
      model.apply(one);
      index = index->with_added(make_segment(one));
    }
  }
};

std::vector<hash_value> hot_query(std::mt19937_64& random) {
  std::vector<hash_value> query;
  for (uint64_t n = random() % (num_hot + 1); n > 0; n--) {
    query.push_back(hot(static_cast<uint32_t>(random() % num_hot)));
  }
  for (uint64_t n = random() % 8; n > 0; n--) query.push_back(rare(static_cast<uint32_t>(random() % num_rare)));
  if (query.empty()) query.push_back(hot(0));
  return query;
}

search_options hot_options(std::mt19937_64& random, unsigned probes) {
  constexpr uint32_t limits[] = {0, 1, 2, 7, 40, 500, 1'000'000}, shares[] = {0, 10, 35, 60, 100, 126};
  search_options options;
  options.limit = limits[random() % std::size(limits)];
  if (random() % 4 != 0) options.min_score = static_cast<uint32_t>(random() % (num_hot + 2));
  options.score_pct = shares[random() % std::size(shares)];
  options.probes = probes;
  return options;
}

void add_work(counting_work& sum, const counting_work& one) {
  sum.counted += one.counted;
  sum.walked += one.walked;
  sum.looked_up += one.looked_up;
  sum.in_cells += one.in_cells;
  sum.in_slots += one.in_slots;
}

/// Each way of counting has been taken, and given the model's answers.
void expect_answers_of_model(unsigned probes, uint32_t num_documents, uint64_t least_bytes) {
  std::mt19937_64 random(probes + 1);
  counting_work work;
  for (uint64_t seed = 1; seed <= 16; seed++) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    constexpr uint32_t distances[] = {1, 3, 400, 200'000};
    const hot_subject s(seed, num_documents, 1 + seed % 4, distances[seed / 4 % 4]);
    searcher engine;
    for (int round = 0; round < 30; round++) {
      SCOPED_TRACE("round " + std::to_string(round));
      const auto query = hot_query(random);
      const search_options options = hot_options(random, probes);
      const auto expected = s.model.search(query, options);
      const auto outcome = engine.search(*s.index, query, options);
      ASSERT_EQ(outcome.results, expected);
      add_work(work, outcome.work);
      if (round % 3 == 0) {
        test::expect_in_any_memory(engine, *s.index, query, options, expected, least_bytes);
      }
    }
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(work.counted, 0u);
  EXPECT_GT(work.walked, 0u);
  EXPECT_GT(work.looked_up, 0u);
  EXPECT_GT(work.in_cells, 0u);
  EXPECT_GT(work.in_slots, 0u);
}

TEST(HotSearch, AnswersAreTheModels) { expect_answers_of_model(0, 6'000, uint64_t{64} << 10); }

TEST(HotSearch, AnswersToNearHashesAreTheModels) { expect_answers_of_model(1, 5'000, uint64_t{192} << 10); }

/// An index of one segment whose documents have what `hashes_of` gives their ids.
template <class F>
hot_subject subject_of(uint32_t num_documents, const F& hashes_of) {
  hot_subject s;
  test::documents documents;
  for (document_id id = 1; id <= num_documents; id++) documents.push_back({id, hashes_of(id)});
  const commit one = make_commit(1, documents);
  s.model.apply(one);
  s.index = s.index->with_added(make_segment(one));
  return s;
}

search_options hot_options_of(uint32_t limit, uint32_t min_score, uint32_t score_pct) {
  search_options options;
  options.limit = limit;
  options.min_score = min_score;
  options.score_pct = score_pct;
  return options;
}

TEST(HotSearch, WhatALongRangeCannotLiftIsNotRead) {
  constexpr uint32_t num_documents = 50'000;
  const auto s = subject_of(num_documents, [](document_id id) {
    std::vector<hash_value> hashes = {hot(0)};
    for (uint32_t i = 0; i < 20; i++) hashes.push_back(id * 32 + (i << 24));
    return hashes;
  });
  std::vector<hash_value> query = {hot(0)};
  for (uint32_t i = 0; i < 20; i++) query.push_back(77 * 32 + (i << 24));
  const auto outcome = searcher().search(*s.index, query, hot_options_of(500, 1, 10));
  EXPECT_EQ(outcome.results, (std::vector<search_result>{{77, 21}}));
  EXPECT_EQ(outcome.num_postings, num_documents + 20);
  EXPECT_EQ(outcome.work.counted, 20u);
  EXPECT_EQ(outcome.work.looked_up, 1u);
  EXPECT_EQ(outcome.work.walked + outcome.work.in_cells + outcome.work.in_slots, 0u);
}

TEST(HotSearch, StopsWhenNoDocumentCanBeBetter) {
  constexpr uint32_t num_documents = 300'000;
  const auto s = subject_of(num_documents, [](document_id) { return std::vector{hot(0), hot(1)}; });
  for (const uint32_t limit : {1u, 40u, 10'000u}) {
    const auto options = hot_options_of(limit, 1, 10);
    const auto outcome = searcher().search(*s.index, std::vector{hot(0), hot(1)}, options);
    EXPECT_EQ(outcome.results, s.model.search(std::vector{hot(0), hot(1)}, options));
    EXPECT_EQ(outcome.num_postings, 2u * num_documents);
    EXPECT_LT(outcome.work.in_cells, 2u * (limit + 50'000u));
  }
}

TEST(HotSearch, SkipsWhereTooFewRangesHaveDocuments) {
  constexpr uint32_t num_documents = 400'000, stretch = num_documents / 8;
  const auto s = subject_of(num_documents, [](document_id id) {
    std::vector hashes = {hot(id / stretch)};
    if (id % stretch == 7) hashes.push_back(hot((id / stretch + 1) % 8));
    return hashes;
  });
  std::vector<hash_value> query;
  for (uint32_t h = 0; h < 8; h++) query.push_back(hot(h));
  const auto options = hot_options_of(5, 2, 10);
  const auto outcome = searcher().search(*s.index, query, options);
  EXPECT_EQ(outcome.results, s.model.search(query, options));
  EXPECT_EQ(outcome.results.size(), 5u);
  EXPECT_LT(outcome.work.in_cells, num_documents / 4);
}

TEST(HotSearch, OfEqualScoresTheLeastIdsAreResults) {
  // Rare hashes are counted first, and their documents have the largest ids.
  constexpr uint32_t num_documents = 20'000;
  const auto s = subject_of(num_documents, [](document_id id) {
    std::vector<hash_value> hashes;
    if (id % 3 == 0) hashes.push_back(hot(0));
    if (id % 3 == 1) hashes.push_back(hot(1));
    if (id > num_documents - 60) hashes.push_back(rare(id % 2));
    if (hashes.empty()) hashes.push_back(1);
    return hashes;
  });
  const std::vector<hash_value> query = {hot(0), hot(1), rare(0), rare(1)};
  for (const uint32_t limit : {1u, 39u, 40u, 41u, 60u, 500u, 20'000u}) {
    for (const uint32_t min_score : {1u, 2u}) {
      const auto options = hot_options_of(limit, min_score, 0);
      EXPECT_EQ(searcher().search(*s.index, query, options).results, s.model.search(query, options)) << limit;
    }
  }
}

/// In the middle of a range, too: every look at the clock ends a search.
TEST(HotSearch, EveryLookInsideARangeEndsASearch) {
  for (const uint32_t distance : {1u, 100'000u}) {
    const hot_subject s(3, 20'000, 2, distance);
    std::vector<hash_value> query;
    for (uint32_t h = 0; h < num_hot; h++) query.push_back(hot(h));
    auto options = hot_options_of(3, 1, 0);
    searcher engine;
    const auto outcome = engine.search(*s.index, query, options);
    const uint64_t postings = outcome.work.in_cells + outcome.work.in_slots;
    const uint64_t looks =
        test::expect_looks_to_end(engine, *s.index, query, options, s.model.search(query, options), 200);
    EXPECT_GE(looks, postings / 1024) << "of cold memory";
    EXPECT_GT(postings, 5'000u);
  }
}

TEST(HotSearch, LooksAtTheClockInsideARange) {
  constexpr uint32_t num_documents = 500'000;
  const auto s = subject_of(num_documents, [](document_id id) { return std::vector{hot(id % 2)}; });
  const std::vector<hash_value> query = {hot(0), hot(1)};
  constexpr uint64_t units = 2 * stop_condition::most_units;
  EXPECT_GT(searcher().search(*s.index, query, {}).work.in_cells, num_documents * 9 / 10)
      << "any document may have both hashes";
  EXPECT_GE(test::looks_of(*s.index, query, {}, true), num_documents / units);
  EXPECT_GE(test::looks_of(*s.index, query, {}, false), num_documents / 256);
}

}  // namespace
}  // namespace fp
