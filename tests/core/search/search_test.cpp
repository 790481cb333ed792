#include "core/search/search.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <thread>

#include "core/base/error.hpp"
#include "core/merge/merge.hpp"
#include "tests/core/support/commits.hpp"
#include "tests/core/support/naive_index.hpp"

namespace fp {
namespace {

using test::make_commit;
using test::make_segment;

using results = std::vector<search_result>;

results search(const snapshot& s, const std::vector<hash_value>& query, const search_options& options = {}) {
  return searcher().search(s, query, options).results;
}

search_options with(uint32_t limit, std::optional<uint32_t> min_score, uint32_t score_pct) {
  search_options options;
  options.limit = limit;
  options.min_score = min_score;
  options.score_pct = score_pct;
  return options;
}

errc code_of(const snapshot& s, const search_options& options) {
  try {
    searcher().search(s, std::vector<hash_value>{1}, options);
  } catch (const error& e) {
    return e.code();
  }
  ADD_FAILURE() << "no error";
  return errc::internal_error;
}

TEST(Search, ThresholdsAndOrder) {
  const auto s = snapshot::from_segments({make_segment(
      make_commit(1, {{5, {1, 2, 3, 4}}, {4, {1, 2, 3, 4}}, {3, {1, 2, 3}}, {2, {1, 2}}, {1, {1}}, {9, {77}}}))});
  const std::vector<hash_value> query = {4, 3, 2, 1, 1, 2};
  EXPECT_EQ(search(*s, query), (results{{4, 4}, {5, 4}, {3, 3}, {2, 2}, {1, 1}}));
  EXPECT_EQ(search(*s, query, with(3, 0, 0)), (results{{4, 4}, {5, 4}, {3, 3}}));
  EXPECT_EQ(search(*s, query, with(40, 3, 0)), (results{{4, 4}, {5, 4}, {3, 3}}));
  EXPECT_EQ(search(*s, query, with(40, 0, 50)), (results{{4, 4}, {5, 4}, {3, 3}, {2, 2}}));
  EXPECT_EQ(search(*s, query, with(40, 0, 100)), (results{{4, 4}, {5, 4}}));
  EXPECT_EQ(search(*s, query, with(40, 0, 126)), results{});
  EXPECT_EQ(search(*s, query, with(40, 5, 0)), results{});
  EXPECT_EQ(search(*s, query, with(0, 0, 0)), results{});
  EXPECT_EQ(search(*s, {}, with(40, 0, 0)), results{});
  EXPECT_EQ(search(snapshot(), query), results{});
}

TEST(Search, DefaultMinScoreCountsTheQueryAsGiven) {
  const auto s = snapshot::from_segments({make_segment(make_commit(1, {{1, {1}}, {2, {1, 2}}}))});
  std::vector<hash_value> query(20, 1);
  query[0] = 2;
  EXPECT_EQ(search(*s, query), (results{{2, 2}, {1, 1}}));
  query.push_back(1);  // 21 hashes as given: min_score 2
  EXPECT_EQ(search(*s, query), (results{{2, 2}}));
}

TEST(Search, CountsAreReported) {
  const auto s = snapshot::from_segments(
      {make_segment(make_commit(1, {{1, {1, 2}}})), make_segment(make_commit(2, {{1, {1}}, {2, {3}}}))});
  const auto outcome = searcher().search(*s, std::vector<hash_value>{1, 1, 2, 50}, {});
  EXPECT_EQ(outcome.num_hashes, 3u);
  EXPECT_EQ(outcome.num_postings, 3u) << "the superseded version's postings matched too";
  EXPECT_EQ(outcome.results, (results{{1, 1}}));
}

TEST(Search, HotHashesInManyDocuments) {
  test::documents documents;
  for (document_id id = 1; id <= 200'000; id++) {
    documents.push_back({id * 3, {16, id % 2 == 0 ? 32u : 48u, id % 1000 == 0 ? 64u : 80u}});
  }
  const commit c = make_commit(1, documents);
  test::naive_index model;
  model.apply(c);
  const auto s = snapshot::from_segments({make_segment(c)});
  searcher one;
  for (const uint32_t limit : {1u, 300u}) {
    const std::vector<hash_value> query = {16, 32, 64, 80, 96};
    const search_options options = with(limit, 1, 10);
    EXPECT_EQ(one.search(*s, query, options).results, model.search(query, options));
    EXPECT_EQ(one.search(*s, std::vector<hash_value>{64}, options).results,
              model.search(std::vector<hash_value>{64}, options));
  }
}

TEST(Search, HotHashesOfAllLengthsInOldAndNewSegments) {
  // Runs around the lengths where documents that only long runs hold are left out, and where known ones are
  // searched for in a run instead of the run's in the table.
  for (const uint32_t length : {200u, 1'023u, 1'024u, 1'025u, 1'200u, 5'000u, 40'000u}) {
    std::mt19937 random(length);
    test::naive_index model;
    snapshot_ptr s = std::make_shared<const snapshot>();
    for (commit_id c = 1; c <= 3; c++) {
      test::documents documents;
      for (document_id id = 1; id <= length + 50; id++) {
        if (c > 1 && random() % 3 != 0) continue;  // newer segments rewrite a third
        documents.push_back({id, {}});
        for (hash_value hot = 1; hot <= 6; hot++) {
          if (id <= length && random() % 50 < 47 + hot % 3) documents.back().second.push_back(hot << 8);
        }
        if (random() % (length / 40) == 0) documents.back().second.push_back(100 << 8);
        if (random() % (length / 20) == 0) documents.back().second.push_back(200 << 8);
        if (documents.back().second.empty()) documents.back().second.push_back(300 << 8);
      }
      const commit one = make_commit(c, documents);
      model.apply(one);
      s = s->with_added(make_segment(one));
    }
    searcher engine;
    for (const auto& query : std::vector<std::vector<hash_value>>{{1, 2, 3, 4, 5, 6, 100, 200}, {1, 100}, {1, 2}}) {
      std::vector<hash_value> hashes;
      for (const hash_value h : query) hashes.push_back(h << 8);
      for (uint32_t min_score = 0; min_score <= 9; min_score++) {
        const search_options options = with(200, min_score, 60);
        EXPECT_EQ(engine.search(*s, hashes, options).results, model.search(hashes, options))
            << length << " postings, minimum " << min_score;
      }
    }
  }
}

TEST(Search, RunsOfOneHashEndWhereTheyEnd) {
  // Run lengths around the steps of the galloping search, between neighbours in the same bucket.
  for (uint32_t length = 1; length < 70; length++) {
    test::documents documents;
    for (document_id id = 1; id <= 100; id++) {
      documents.push_back({id, {1}});
      if (id <= length) documents.back().second.push_back(2);
      documents.back().second.push_back(3);
    }
    const auto s = snapshot::from_segments({make_segment(make_commit(1, documents))});
    EXPECT_EQ(searcher().search(*s, std::vector<hash_value>{2}, {}).num_postings, length);
  }
}

TEST(Search, QueriesOfManyLengthsWithDuplicates) {
  // Duplicates are found in two ways, by the query's length.
  test::documents documents;
  for (document_id id = 1; id <= 50; id++) documents.push_back({id, {}});
  for (hash_value h = 0; h < 4000; h++) documents[h % 50].second.push_back(h << 20);
  const commit c = make_commit(1, documents);
  test::naive_index model;
  model.apply(c);
  const auto s = snapshot::from_segments({make_segment(c)});
  std::mt19937 random(5);
  searcher one;
  for (const size_t length : {1, 2, 3, 127, 128, 129, 1023, 1024, 1025, 5000}) {
    for (const uint32_t distinct : {1u, 10u, 4000u}) {
      std::vector<hash_value> query(length);
      for (auto& h : query) h = static_cast<hash_value>(random() % distinct) << 20;
      const search_options options = with(60, 1, 0);
      const auto outcome = one.search(*s, query, options);
      EXPECT_EQ(outcome.results, model.search(query, options));
      EXPECT_EQ(outcome.num_hashes, std::set(query.begin(), query.end()).size());
    }
  }
}

TEST(Search, DeadlineAndCancel) {
  const auto s = snapshot::from_segments({make_segment(make_commit(1, {{1, {1}}}))});
  search_options options;
  options.deadline = steady_clock::time_point::min();
  EXPECT_EQ(code_of(*s, options), errc::search_timeout);
  options.deadline = steady_clock::now();
  EXPECT_EQ(code_of(*s, options), errc::search_timeout);
  const cancel_flag cancel = true;
  options.cancel = &cancel;
  EXPECT_EQ(code_of(*s, options), errc::cancelled);
  options.deadline = steady_clock::now() + std::chrono::hours(1);
  options.cancel = nullptr;
  EXPECT_EQ(search(*s, {1}, options), (results{{1, 1}}));
}

TEST(Search, ManyThreadsOnOneSnapshot) {
  test::random_data data(12);
  test::naive_index model;
  snapshot_ptr s = std::make_shared<const snapshot>();
  for (commit_id id = 1; id <= 6; id++) {
    const commit c = data.next_commit(id, 100);
    model.apply(c);
    s = s->with_added(make_segment(c));
  }
  std::vector<std::vector<hash_value>> queries;
  for (int i = 0; i < 50; i++) queries.push_back(data.hashes(100));
  std::vector<results> expected;
  for (const auto& q : queries) expected.push_back(model.search(q, with(20, 1, 10)));
  const metadata_map metadata = s->metadata().to_map();
  const snapshot_stats stats = s->stats();
  std::vector<int> wrong(4);
  std::vector<std::thread> threads;
  for (int& mine : wrong) {
    threads.emplace_back([&, snapshot_of_mine = s] {
      searcher own;
      for (int round = 0; round < 5; round++) {
        for (size_t i = 0; i < queries.size(); i++) {
          mine += own.search(*snapshot_of_mine, queries[i], with(20, 1, 10)).results != expected[i];
        }
        mine += snapshot_of_mine->metadata().to_map() != metadata;
        mine += snapshot_of_mine->stats().num_documents != stats.num_documents;
        for (document_id id = 1; id < 100; id++) {
          mine += snapshot_of_mine->find(id).has_value() != model.find(id).has_value();
        }
        mine += merge_to_memory(*snapshot_of_mine, 0, 6)->info().num_documents != model.documents().size();
      }
    });
  }
  s.reset();
  for (auto& t : threads) t.join();
  EXPECT_EQ(wrong, std::vector<int>(4));
}

}  // namespace
}  // namespace fp
