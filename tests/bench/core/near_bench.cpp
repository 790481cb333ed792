#include <algorithm>
#include <map>
#include <stdexcept>

#include "core/search/search.hpp"
#include "tests/bench/bench.hpp"
#include "tests/bench/core/documents.hpp"
#include "tests/bench/core/search_bench.hpp"
#include "tests/core/support/commits.hpp"

namespace fp::bench {

namespace {

constexpr size_t hashes_per_query = 65;  ///< of a clip of ten seconds
constexpr uint32_t queries_per_round = 400;

struct near_corpus {
  snapshot_ptr index;
  std::vector<std::vector<hash_value>> queries;
};

near_corpus make_near_corpus(document_source& documents, uint64_t postings) {
  near_corpus c;
  changes_encoder changes;
  document_id id = 0;
  for (uint64_t drawn = 0; drawn < postings;) {
    const auto& hashes = documents.next();
    changes.insert(++id, hashes);
    drawn += hashes.size();
    if (c.queries.size() * postings >= drawn * queries_per_round) continue;
    c.queries.push_back(documents.query(hashes_per_query));
  }
  const commit one = test::make_commit(1, changes);
  c.index = snapshot::from_segments({test::make_segment(one)});
  return c;
}

/// How many times a plain search one may take that looks up 33 or 529 times as much.
int times_allowed(unsigned probes) { return probes == 1 ? 10 : 100; }

search_options with_probes(unsigned probes) {
  search_options options;
  options.probes = probes;
  return options;
}

/// The answer made of plain searches: for each query hash one of all hashes near it.
std::vector<search_result> answer_by_plain_searches(searcher& engine, const near_corpus& c,
                                                    const std::vector<hash_value>& query, unsigned probes) {
  std::map<document_id, uint32_t> scores;
  search_options all;
  all.min_score = 1;
  all.score_pct = 0;
  all.limit = UINT32_MAX;
  for (const hash_value h : distinct(query)) {
    std::vector<hash_value> near = {h};
    for (unsigned i = 0; i < 32; i++) {
      near.push_back(h ^ 1u << i);
      for (unsigned j = 0; probes > 1 && j < i; j++) near.push_back(h ^ 1u << i ^ 1u << j);
    }
    for (const auto& r : engine.search(*c.index, near, all).results) scores[r.id]++;
  }
  std::vector<search_result> ranked;
  uint32_t best = 0;
  for (const auto& [id, score] : scores) best = std::max(best, score);
  const search_options defaults;
  for (const auto& [id, score] : scores) {
    if (score >= std::max<size_t>((query.size() + 19) / 20, uint64_t{best} * defaults.score_pct / 100)) {
      ranked.push_back({id, score});
    }
  }
  std::stable_sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.score > b.score; });
  if (ranked.size() > defaults.limit) ranked.resize(defaults.limit);
  return ranked;
}

void check_near_answers(const near_corpus& c) {
  searcher engine;
  for (size_t q = 0; q < c.queries.size(); q += 40) {
    for (const unsigned probes : {1u, 2u}) {
      const auto found = engine.search(*c.index, c.queries[q], with_probes(probes)).results;
      if (found != answer_by_plain_searches(engine, c, c.queries[q], probes)) {
        throw std::runtime_error("a different answer near the hashes");
      }
    }
  }
}

void measure_near(const std::string& kind, document_source& documents, uint64_t postings, uint32_t rounds,
                  reporter& report) {
  const near_corpus c = make_near_corpus(documents, postings);
  check_near_answers(c);
  searcher engine;
  const auto us_per_query = [&](unsigned probes) {
    const search_options options = with_probes(probes);
    const double took = cpu_seconds([&] {
      for (const auto& q : c.queries) engine.search(*c.index, q, options);
    });
    return took * 1e6 / static_cast<double>(c.queries.size());
  };
  std::map<unsigned, std::vector<double>> near, allowed, ratios;
  for (uint32_t round = 0; round <= rounds; round++) {
    const double plain = us_per_query(0);
    for (const unsigned probes : {1u, 2u}) {
      const double took = us_per_query(probes);
      if (round == 0) continue;  // warms up
      near[probes].push_back(took);
      allowed[probes].push_back(plain * times_allowed(probes));
      ratios[probes].push_back(allowed[probes].back() / took);
    }
  }
  for (const unsigned probes : {1u, 2u}) {
    report.add({.id = "near/" + kind + "/" + std::to_string(postings) + "/" + std::to_string(probes),
                .what = kind + " " + std::to_string(postings / 1'000'000) + " M, 65 hashes, probes " +
                        std::to_string(probes),
                .unit = "us/query",
                .ours = spread_of(near[probes]),
                .reference_name = std::to_string(times_allowed(probes)) + " plain searches",
                .reference = spread_of(allowed[probes]),
                .ratio = spread_of(ratios[probes]),
                .target = 1,
                .limit = "memory latency",
                .x = {{"items", static_cast<double>(postings)}, {"probes", static_cast<double>(probes)}}});
  }
}

}  // namespace

void run_near(const search_bench_options& o, reporter& report) {
  uniform_source uniform(o.hashes_per_document);
  measure_near("uniform", uniform, o.near_postings, o.rounds, report);
  music_source music(o.fingerprints);
  measure_near("music", music, o.near_postings, o.rounds, report);
}

}  // namespace fp::bench
