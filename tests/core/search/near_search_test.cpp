#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <random>
#include <set>

#include "core/search/near_lookup.hpp"
#include "core/search/search.hpp"
#include "tests/core/support/commits.hpp"
#include "tests/core/support/error_of.hpp"
#include "tests/core/support/naive_index.hpp"
#include "tests/core/support/table_with_starts.hpp"
#include "tests/core/support/watched_search.hpp"

namespace fp {
namespace {

using test::error_of;
using test::make_commit;
using test::make_segment;

using results = std::vector<search_result>;

search_options near_options(unsigned probes, uint32_t min_score = 1, uint32_t score_pct = 0) {
  search_options options;
  options.probes = probes;
  options.min_score = min_score;
  options.score_pct = score_pct;
  return options;
}

results near(const snapshot& s, const std::vector<hash_value>& query, unsigned probes) {
  return searcher().search(s, query, near_options(probes)).results;
}

TEST(NearSearch, AQueryHashCountsOnceADocument) {
  const auto s = snapshot::from_segments({make_segment(make_commit(
      1, {{1, {0b1000, 0b1001, 0b1100}}, {2, {0b1011}}, {3, {0b1111}}, {4, {0b1000, 1u << 31 | 0b1000}}}))});
  EXPECT_EQ(near(*s, {0b1000}, 0), (results{{1, 1}, {4, 1}}));
  EXPECT_EQ(near(*s, {0b1000}, 1), (results{{1, 1}, {4, 1}}));
  EXPECT_EQ(near(*s, {0b1000}, 2), (results{{1, 1}, {2, 1}, {4, 1}}));
  // One stored hash near two query hashes counts for both.
  EXPECT_EQ(near(*s, {0b1010, 0b0011}, 1), (results{{2, 2}, {1, 1}, {4, 1}}));
  const auto outcome = searcher().search(*s, std::vector<hash_value>{0b1000, 0b1000}, near_options(1));
  EXPECT_EQ(outcome.num_hashes, 1u);
  EXPECT_EQ(outcome.num_postings, 5u);
}

TEST(NearSearch, OnlyTheNewestVersionCounts) {
  const auto s = snapshot::from_segments({make_segment(make_commit(1, {{1, {16, 17}}, {2, {18}}, {3, {16}}})),
                                          make_segment(make_commit(2, {{1, {20}}}, {2}))});
  EXPECT_EQ(near(*s, {16}, 1), (results{{1, 1}, {3, 1}}));
  EXPECT_EQ(near(*s, {16, 17}, 1), (results{{3, 2}, {1, 1}}));
  EXPECT_EQ(near(*s, {16, 21}, 1), (results{{1, 2}, {3, 1}}));
}

TEST(NearSearch, ThresholdsAreThoseOfAnySearch) {
  const auto s =
      snapshot::from_segments({make_segment(make_commit(1, {{1, {8, 64, 1024}}, {2, {9, 65}}, {3, {10}}}))});
  std::vector<hash_value> query(21, 8);  // 21 hashes as given: min_score 2
  query[0] = 64;
  query[1] = 1024;
  search_options options;
  options.probes = 1;
  const auto found = [&] { return searcher().search(*s, query, options).results; };
  EXPECT_EQ(found(), (results{{1, 3}, {2, 2}}));
  options.score_pct = 100;
  EXPECT_EQ(found(), (results{{1, 3}}));
  options.score_pct = 0;
  options.min_score = 1;
  EXPECT_EQ(found(), (results{{1, 3}, {2, 2}, {3, 1}}));
  options.limit = 2;
  EXPECT_EQ(found(), (results{{1, 3}, {2, 2}}));
  options.probes = 3;
  EXPECT_EQ(error_of([&] { found(); }).code(), errc::bad_request);
}

/// The stored hashes that a look-up finds near each query hash, of tables whose every shape is tried.
TEST(NearLookup, FindsWhatComparingAllFinds) {
  std::mt19937_64 random(3);
  for (unsigned bits = 1; bits <= 32; bits++) {
    for (const unsigned shift : {0u, 0u, 0u, 4u, 31u}) {
      if (bits + shift > 32) continue;
      SCOPED_TRACE("bits " + std::to_string(bits) + ", shift " + std::to_string(shift));
      const auto top = static_cast<hash_value>((uint64_t{1} << bits) - 1);
      std::set<hash_value> stored = {top << shift};
      test::documents documents;
      const size_t num_documents = std::vector{3, 30, 300, 3'000}[random() % 4];
      for (document_id id = 1; id <= num_documents; id++) {
        // Some buckets are long, and some far longer than others.
        const hash_value h = (static_cast<hash_value>(random() % 4 == 0 ? random() % 64 : random()) & top) << shift;
        stored.insert(h);
        documents.push_back({id, {h, top << shift}});
      }
      const auto segment = make_segment(make_commit(1, documents));
      const test::table_with_starts older(*segment);
      std::vector<hash_value> query;
      for (int i = 0; i < 40; i++) {
        query.push_back(*std::next(stored.begin(), static_cast<std::ptrdiff_t>(random() % stored.size())));
        if (i % 4 == 0) query.back() = static_cast<hash_value>(random() % 64) << shift;  // in the first buckets
        for (uint64_t flips = random() % 4; flips > 0; flips--) query.back() ^= hash_value{1} << random() % 32;
      }
      for (const unsigned way : {0u, 1u, 2u, 3u}) {
        const unsigned probes = 1 + way % 2;
        const posting_table& table = way < 2 ? segment->postings() : older.table();
        const search_options options;
        search_pace pace;
        stop_condition stop(options, pace);
        std::vector<near_range> ranges;
        near_lookup lookup(
            probes, ranges, SIZE_MAX, [] { ADD_FAILURE(); }, stop);
        lookup.find(7, table, query);
        auto range = ranges.begin();
        for (uint32_t q = 0; q < query.size(); q++) {
          std::multiset<document_id> expected, found;
          for (const auto& [id, hashes] : documents) {
            const std::set<hash_value> distinct(hashes.begin(), hashes.end());
            for (const hash_value h : distinct) {
              if (std::popcount(h ^ query[q]) <= static_cast<int>(probes)) expected.insert(id);
            }
          }
          for (; range != ranges.end() && range->query == q; ++range) {
            ASSERT_EQ(range->segment, 7u);
            ASSERT_GT(range->count, 0u);
            document_id last = 0;
            for (uint32_t i = 0; i < range->count; i++) {
              const document_id id = table.document_at(uint64_t{range->first} + i);
              ASSERT_GT(id, last) << "a range has one hash";
              found.insert(last = id);
            }
          }
          ASSERT_EQ(found, expected) << "hash " << query[q] << ", probes " << probes;
        }
        ASSERT_EQ(range, ranges.end());
      }
    }
  }
}

/// An index of several segments beside its model: hashes near each other, some of them in most of the documents.
struct near_subject {
  test::naive_index model;
  snapshot_ptr index = std::make_shared<const snapshot>();
  unsigned bits;

  near_subject(uint64_t seed, uint32_t num_documents, commit_id num_segments, uint32_t distance, unsigned hash_bits)
      : bits(hash_bits) {
    std::mt19937_64 random(seed);
    for (commit_id c = 1; c <= num_segments; c++) {
      test::documents documents;
      for (document_id i = 1; i <= num_documents; i++) {
        if (c > 1 && random() % 3 != 0) continue;  // newer segments rewrite a third
        std::vector<hash_value> hashes;
        for (uint64_t n = 1 + random() % 6; n > 0; n--) hashes.push_back(hash(random));
        documents.push_back({i * distance, std::move(hashes)});
      }
      const commit one = make_commit(c, documents);
      model.apply(one);
      index = index->with_added(make_segment(one));
    }
  }
  hash_value hash(std::mt19937_64& random) const {
    const auto top = static_cast<uint32_t>((uint64_t{1} << bits) - 1);
    return (static_cast<hash_value>(random() % 3 == 0 ? random() & random() & 7 : random()) & top) << 8;
  }
};

TEST(NearSearch, AnswersAreTheSameInPassesAndPortions) {
  constexpr uint64_t least_bytes = uint64_t{192} << 10;
  std::mt19937_64 random(1);
  for (uint64_t seed = 1; seed <= 10; seed++) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const near_subject s(seed, seed % 3 == 0 ? 15'000 : 3'000, 1 + seed % 4, seed % 2 == 0 ? 1 : 100'000,
                         seed % 2 == 0 ? 9 : 14);
    searcher engine;
    for (int round = 0; round < 4; round++) {
      std::vector<hash_value> query(1 + random() % 12);
      for (auto& h : query) h = s.hash(random);
      search_options options = near_options(1 + static_cast<unsigned>(random() % 2), 0, 0);
      options.limit = static_cast<uint32_t>(random() % 3 == 0 ? 1'000'000 : 1 + random() % 60);
      options.min_score = static_cast<uint32_t>(random() % 8);
      options.score_pct = static_cast<uint32_t>(random() % 3 == 0 ? 0 : random() % 101);
      test::expect_in_any_memory(engine, *s.index, query, options, s.model.search(query, options), least_bytes);
    }
    if (testing::Test::HasFailure()) break;
  }
}

/// Ranges are found, counted and found again when there are more than are held at once.
TEST(NearSearch, MoreRangesThanOnePortionHolds) {
  std::mt19937_64 random(8);
  for (const unsigned bits : {7u, 10u}) {
    test::documents documents;
    for (document_id id = 1; id <= 2'000; id++) {
      documents.push_back({id * 1'000'000, {}});
      for (int n = 0; n < 6; n++) {
        documents.back().second.push_back((static_cast<hash_value>(random()) & ((1u << bits) - 1)) << 3);
      }
    }
    const commit c = make_commit(1, documents);
    test::naive_index model;
    model.apply(c);
    const auto s = snapshot::from_segments({make_segment(c)});
    std::vector<hash_value> query(80);
    for (auto& h : query) h = (static_cast<hash_value>(random()) & ((1u << bits) - 1)) << 3;
    searcher engine;
    for (const uint32_t min_score : {1u, 2u, 3u, 30u, 60u}) {
      search_options options = near_options(2, min_score);
      options.limit = 1'000'000;
      const auto expected = model.search(query, options);
      for (const uint64_t max_bytes : {uint64_t{192} << 10, uint64_t{300} << 10, uint64_t{4} << 20}) {
        options.max_bytes = max_bytes;
        EXPECT_EQ(engine.search(*s, query, options).results, expected) << min_score << ", " << max_bytes;
      }
    }
  }
}

TEST(NearSearch, HotHashesOfAllLengthsInOldAndNewSegments) {
  // Around the lengths where documents that only long runs hold are left out, and where known ones are searched for
  // in a run instead of the run's in the table.
  for (const uint32_t length : {200u, 511u, 512u, 1'024u, 5'000u, 30'000u}) {
    std::mt19937 random(length);
    test::naive_index model;
    snapshot_ptr s = std::make_shared<const snapshot>();
    for (commit_id c = 1; c <= 3; c++) {
      test::documents documents;
      for (document_id id = 1; id <= length + 50; id++) {
        if (c > 1 && random() % 3 != 0) continue;
        documents.push_back({id, {300 << 8}});
        auto& hashes = documents.back().second;
        for (hash_value hot = 1; hot <= 6; hot++) {
          const hash_value far = 1u << (16 + 2 * hot);  // two bits or more from the others
          for (uint32_t near = 0; near < 3; near++) {
            if (id <= length && random() % 50 < 15 + 10 * (hot % 3)) hashes.push_back(far | 1u << near);
          }
        }
        if (random() % (length / 40) == 0) hashes.push_back(3u << 12 | 3u << 9);
      }
      const commit one = make_commit(c, documents);
      model.apply(one);
      s = s->with_added(make_segment(one));
    }
    searcher engine;
    std::vector<hash_value> query = {3u << 12 | 3u << 9};
    for (hash_value hot = 1; hot <= 6; hot++) query.push_back(1u << (16 + 2 * hot));
    for (const unsigned probes : {1u, 2u}) {
      for (uint32_t min_score = 0; min_score <= 8; min_score++) {
        search_options options = near_options(probes, min_score, 60);
        options.limit = 200;
        EXPECT_EQ(engine.search(*s, query, options).results, model.search(query, options))
            << length << " documents, minimum " << min_score << ", probes " << probes;
      }
    }
  }
}

TEST(NearSearch, KindsOfSearchesTakeTurns) {
  test::random_data data(4);
  const near_subject s(9, 20'000, 2, 1, 10);
  searcher engine;
  std::mt19937_64 random(2);
  for (unsigned round = 0; round < 12; round++) {
    std::vector<hash_value> query(4);
    for (auto& h : query) h = s.hash(random);
    search_options options = test::watched(near_options(round % 3));
    options.max_bytes = uint64_t{round % 2 == 0 ? 64u : 1u} << 20;
    const test::watched_memory memory(engine);
    EXPECT_EQ(engine.search(*s.index, query, options).results, s.model.search(query, options));
    EXPECT_LE(memory.most(), options.max_bytes);
    EXPECT_LE(engine.scratch_bytes(), searcher::kept_bytes);
  }
}

TEST(NearSearch, EveryLookEndsASearch) {
  const near_subject s(5, 3'000, 3, 1, 10);
  std::mt19937_64 random(6);
  std::vector<hash_value> query(40);
  for (auto& h : query) h = s.hash(random);
  for (const uint64_t max_bytes : {search_options().max_bytes, uint64_t{192} << 10}) {
    for (const unsigned probes : {1u, 2u}) {
      search_options options = test::watched(near_options(probes, 3, 10));
      options.max_bytes = max_bytes;
      const auto expected = s.model.search(query, options);
      searcher engine;
      test::expect_looks_to_end(engine, *s.index, query, options, expected, 100);
      EXPECT_EQ(engine.search(*s.index, query, options).results, expected);
    }
  }
}

/// Looks of a near search, in warm or in cold memory.
uint64_t looks_of(const snapshot& index, const std::vector<hash_value>& query, unsigned probes, bool warm) {
  return test::looks_of(index, query, near_options(probes), warm);
}

TEST(NearSearch, LooksAtTheClockAllTheTime) {
  constexpr uint64_t units = 2 * stop_condition::most_units, units_a_lookup = 8;
  std::mt19937 random(7);
  test::documents documents;
  for (document_id id = 1; id <= 300'000; id++) documents.push_back({id, {static_cast<hash_value>(random())}});
  const auto s = snapshot::from_segments({make_segment(make_commit(1, documents))});
  std::vector<hash_value> query(1'000);
  for (auto& h : query) h = random();
  // 16 bits or so of a hash are the bucket's number.
  EXPECT_GE(looks_of(*s, query, 2, true), query.size() * 100 * units_a_lookup / units);
  EXPECT_GE(looks_of(*s, query, 2, false), query.size() * 100) << "of cold memory, one bucket at a time";
  // Hashes that have too many bits which no stored one has.
  const auto narrow = snapshot::from_segments({make_segment(make_commit(1, {{1, {1}}}))});
  const std::vector<hash_value> wide(300'000, 0xfff0);
  EXPECT_GE(looks_of(*narrow, query, 1, false), 1u);
  std::vector<hash_value> distinct_wide(300'000);
  for (uint32_t i = 0; i < distinct_wide.size(); i++) distinct_wide[i] = 0xf000'0000 + i;
  EXPECT_GE(looks_of(*narrow, distinct_wide, 1, true) - looks_of(snapshot(), distinct_wide, 1, true),
            distinct_wide.size() / units);
}

TEST(NearSearch, ItsMemoryDoesNotDependOnTheQuery) {
  const near_subject s(5, 2'000, 1, 1, 10);
  search_options options = test::watched(near_options(2, 1'000'000));
  options.max_bytes = uint64_t{8} << 20;
  searcher engine;
  for (const size_t length : {1'000u, 100'000u}) {
    std::vector<hash_value> query(length);
    for (uint32_t i = 0; i < length; i++) query[i] = i << 12;
    const test::watched_memory memory(engine);
    EXPECT_EQ(engine.search(*s.index, query, options).num_hashes, length);
    EXPECT_LE(memory.most(), options.max_bytes);
  }
  options.max_bytes = 100'000;
  const auto refused = error_of([&] { engine.search(*s.index, std::vector<hash_value>{1}, options); });
  EXPECT_EQ(refused.code(), errc::payload_too_large) << refused.what();
}

}  // namespace
}  // namespace fp
