#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "core/search/distinct_hashes.hpp"
#include "core/search/search.hpp"
#include "core/search/stop_condition.hpp"
#include "tests/core/support/commits.hpp"
#include "tests/core/support/counting_clock.hpp"
#include "tests/core/support/error_of.hpp"
#include "tests/core/support/naive_index.hpp"
#include "tests/core/support/watched_search.hpp"

namespace fp {
namespace {

using test::counting_clock;
using test::error_of;
using test::looks_of;
using test::make_commit;
using test::make_segment;

constexpr uint64_t least_memory = uint64_t{64} << 10;

/// An index of several segments beside its model, with hashes of all frequencies: hash h << 8 is in every 2^(h %
/// 12)th document or so.
struct subject {
  test::naive_index model;
  snapshot_ptr index = std::make_shared<const snapshot>();
  static constexpr hash_value num_hashes = 400;

  subject(uint64_t seed, uint32_t num_documents, commit_id num_segments, uint32_t distance = 1) {
    std::mt19937_64 random(seed);
    for (commit_id c = 1; c <= num_segments; c++) {
      test::documents documents;
      for (document_id i = 1; i <= num_documents; i++) {
        if (c > 1 && random() % 3 != 0) continue;  // newer segments rewrite a third
        std::vector<hash_value> hashes = {hash_value(random() % num_hashes) << 8};
        for (hash_value h = 0; h < num_hashes; h += 1 + random() % 40) {
          if (random() % (uint64_t{1} << h % 12) == 0) hashes.push_back(h << 8);
        }
        documents.push_back({i * distance, std::move(hashes)});
      }
      const commit one = make_commit(c, documents);
      model.apply(one);
      index = index->with_added(make_segment(one));
    }
  }
};

std::vector<hash_value> random_query(std::mt19937_64& random, size_t max_length) {
  std::vector<hash_value> query(1 + random() % max_length);
  for (auto& h : query) h = hash_value(random() % subject::num_hashes) << 8;
  return query;
}

search_options random_options(std::mt19937_64& random) {
  search_options options;
  options.limit = static_cast<uint32_t>(random() % 3 == 0 ? 1'000'000 : 1 + random() % 60);
  if (random() % 3 != 0) options.min_score = static_cast<uint32_t>(random() % 12);
  options.score_pct = static_cast<uint32_t>(random() % 3 == 0 ? 0 : random() % 101);
  return options;
}

TEST(SearchBounds, AnswersAreTheSameInPassesAndPortions) {
  std::mt19937_64 random(1);
  for (uint64_t seed = 1; seed <= 12; seed++) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const subject s(seed, seed % 3 == 0 ? 9'000 : 2'000, 1 + seed % 4, seed % 2 == 0 ? 1 : 300'000);
    searcher engine;
    for (int round = 0; round < 6; round++) {
      const auto query = random_query(random, round % 2 == 0 ? 12 : 500);
      SCOPED_TRACE("round " + std::to_string(round));
      const search_options options = random_options(random);
      test::expect_in_any_memory(engine, *s.index, query, options, s.model.search(query, options), least_memory);
    }
    if (testing::Test::HasFailure()) break;
  }
}

TEST(SearchBounds, WhatALargeSearchTookIsGivenBack) {
  constexpr uint32_t held_by = 100;
  test::documents documents;
  for (document_id id = 1; id <= 150'000; id++) documents.push_back({id, {id / held_by << 8}});
  std::vector<hash_value> all;
  for (uint32_t h = 0; h <= documents.size() / held_by; h++) all.push_back(h << 8);
  const auto index = snapshot::from_segments({make_segment(make_commit(1, documents))});
  searcher engine;
  auto options = test::watched({});
  {
    const test::watched_memory memory(engine);
    EXPECT_EQ(engine.search(*index, all, options).num_postings, documents.size());
    EXPECT_GT(memory.most(), searcher::kept_bytes) << "the search was a large one";
  }
  EXPECT_LE(engine.scratch_bytes(), searcher::kept_bytes);

  std::vector<hash_value> query(1'000'000);
  std::mt19937 random(4);
  for (auto& h : query) h = random();
  {
    const test::watched_memory memory(engine);
    EXPECT_GT(engine.search(*index, query, options).num_hashes, 990'000u);
    EXPECT_GT(memory.most(), searcher::kept_bytes);
  }
  EXPECT_LE(engine.scratch_bytes(), searcher::kept_bytes);
  // Also when it does not come to an end.
  options.deadline = counting_clock::at(counting_clock::looks + 100);
  EXPECT_EQ(error_of([&] { engine.search(*index, query, options); }).code(), errc::search_timeout);
  EXPECT_LE(engine.scratch_bytes(), searcher::kept_bytes);
  counting_clock::reset();
}

TEST(SearchBounds, AQueryThatDoesNotFitIsRefused) {
  const auto index = snapshot::from_segments({make_segment(make_commit(1, {{1, {1}}}))});
  search_options options;
  options.max_bytes = uint64_t{1} << 20;
  const std::vector<hash_value> query(1'000'000, 1);
  const auto refused = error_of([&] { searcher().search(*index, query, options); });
  EXPECT_EQ(refused.code(), errc::payload_too_large);
  EXPECT_NE(std::string(refused.what()).find("max_search_bytes allows 1048576"), std::string::npos)
      << refused.what();
  EXPECT_EQ(searcher().search(*index, std::span(query).first(100'000), options).num_hashes, 1u);
}

/// Every look at the clock ends a search whose deadline it is past, in every loop.
TEST(SearchBounds, EveryLookEndsASearch) {
  const subject s(5, 3'000, 3);
  std::mt19937_64 random(6);
  auto query = random_query(random, 300);
  query.resize(1'500, 0);  // long enough to be sorted
  for (const uint64_t max_bytes : {search_options().max_bytes, 2 * least_memory}) {
    for (const auto& q : {query, std::vector<hash_value>{0, 12 << 8, 24 << 8, 36 << 8}}) {
      search_options options = test::watched({});
      options.min_score = 3;
      options.max_bytes = max_bytes;
      const auto expected = s.model.search(q, options);
      searcher engine;
      const uint64_t looks = test::expect_looks_to_end(engine, *s.index, q, options, expected, 500);
      cancel_flag cancel = false;
      options.cancel = &cancel;
      for (uint64_t look = 1; look < looks; look += 1 + looks / 500) {
        counting_clock::reset(std::chrono::milliseconds(1));
        cancel = false;
        counting_clock::on_look = [&] { cancel = counting_clock::looks >= look; };
        EXPECT_EQ(error_of([&] { engine.search(*s.index, q, options); }).code(), errc::cancelled);
        EXPECT_EQ(counting_clock::looks, look);
      }
      counting_clock::reset();
      cancel = false;
      EXPECT_EQ(engine.search(*s.index, q, options).results, expected);
    }
  }
}

TEST(SearchBounds, LooksAtTheClockAllTheTime) {
  constexpr uint64_t units = 2 * stop_condition::most_units;  // what is done between two looks, and to spare
  std::mt19937 random(7);
  std::vector<hash_value> huge(300'000);
  for (auto& h : huge) h = random();
  // Copying, counting digits, making room, four turns of the sort, dropping.
  EXPECT_GE(looks_of(snapshot(), huge, {}, true), 8 * huge.size() / units);
  EXPECT_GE(looks_of(snapshot(), huge, {}, false), 8 * huge.size() / 1024);

  const auto small = snapshot::from_segments({make_segment(make_commit(1, {{1, {1, 2, 3, 4}}, {2, {~0u}}}))});
  constexpr uint64_t units_a_lookup = 8;
  EXPECT_GE(looks_of(*small, huge, {}, true) - looks_of(snapshot(), huge, {}, true),
            huge.size() * units_a_lookup / units);
  EXPECT_GE(looks_of(*small, huge, {}, false), huge.size()) << "of cold memory, one page at a time";

  constexpr uint32_t held_by = 100;
  test::documents documents;
  for (document_id id = 1; id <= 500'000; id++) documents.push_back({id, {id / held_by << 8}});
  std::vector<hash_value> all;
  for (uint32_t h = 0; h <= documents.size() / held_by; h++) all.push_back(h << 8);
  const auto large = snapshot::from_segments({make_segment(make_commit(1, documents))});
  // Postings are counted, slots laid out, moved (a third more), and looked through.
  constexpr uint64_t least_slots = 800'000;
  EXPECT_GE(looks_of(*large, all, {}, true), (documents.size() + 3 * least_slots) / units);
  EXPECT_GE(looks_of(*large, all, {}, false), documents.size() / 256 + 3 * least_slots / 1024);
}

}  // namespace
}  // namespace fp
