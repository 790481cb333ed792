#include "tests/bench/core/search_bench.hpp"

#include <map>
#include <string>
#include <thread>

#include "core/search/search.hpp"
#include "tests/bench/bench.hpp"
#include "tests/bench/core/corpus.hpp"
#include "tests/bench/core/documents.hpp"

namespace fp::bench {

namespace {

constexpr uint64_t least_items_of_targets = 50'000'000;

/// What a row is measured on.
struct subject {
  std::string id, what;  ///< "uniform/100000000/1" and "uniform 100 M"
  uint64_t items;
  size_t segments;

  std::map<std::string, double> x() const {
    return {{"items", static_cast<double>(items)}, {"segments", static_cast<double>(segments)}};
  }
};

void run_queries(const corpus& c, searcher& engine) {
  for (const auto& q : c.queries) engine.search(*c.index, q, {});
}

void measure_latency(const subject& on, const corpus& c, uint32_t rounds, double target, reporter& report) {
  searcher engine;
  std::vector<document_id> hits;
  std::vector<double> ours, theirs, ratios;
  const double per_query = 1e6 / static_cast<double>(c.queries.size());
  for (uint32_t round = 0; round <= rounds; round++) {
    const double a = cpu_seconds([&] { run_queries(c, engine); });
    const double b = cpu_seconds([&] {
      for (const auto& q : c.sorted_queries) {
        hits.clear();
        for (const auto& blocks : c.blocks) blocks.search(q, hits);
      }
    });
    if (round == 0) continue;  // warms up
    ours.push_back(a * per_query);
    theirs.push_back(b * per_query);
    ratios.push_back(b / a);
  }
  report.add({.id = "search/" + on.id,
              .what = on.what + ", " + std::to_string(on.segments) + (on.segments == 1 ? " segment" : " segments"),
              .unit = "us/query",
              .ours = spread_of(ours),
              .reference_name = "block layout, without ranking",
              .reference = spread_of(theirs),
              .ratio = spread_of(ratios),
              .target = on.items < least_items_of_targets ? std::nullopt : std::optional(target),
              .limit = "memory latency",
              .x = on.x()});
}

void measure_threads(const subject& on, const corpus& c, uint32_t rounds, reporter& report) {
  searcher first, second;
  std::vector<double> one, two, ratios;
  const auto count = static_cast<double>(c.queries.size());
  for (uint32_t round = 0; round < rounds; round++) {
    one.push_back(count / cpu_seconds([&] { run_queries(c, first); }));
    double a = 0, b = 0;
    std::thread other([&] { b = cpu_seconds([&] { run_queries(c, second); }); });
    a = cpu_seconds([&] { run_queries(c, first); });
    other.join();
    two.push_back(count / a + count / b);
    ratios.push_back(two.back() / one.back());
  }
  report.add({.id = "search-threads/" + on.id,
              .what = on.what + ", 2 threads",
              .unit = "queries/s",
              .ours = spread_of(two),
              .reference_name = "1 thread",
              .reference = spread_of(one),
              .ratio = spread_of(ratios),
              .target = 1.8,
              .limit = "the number of cores",
              .x = on.x()});
}

void report_size(const subject& on, const corpus& c, reporter& report) {
  uint64_t their_bytes = 0;
  for (const auto& blocks : c.blocks) their_bytes += blocks.bytes();
  const auto stats = c.index->stats();
  const auto items = static_cast<double>(stats.num_postings);
  const double us = static_cast<double>(stats.num_bytes) / items, them = static_cast<double>(their_bytes) / items;
  const double ratio = them / us;
  report.add({.id = "size/" + on.id,
              .what = on.what + ", size of the whole segment",
              .unit = "bytes/item",
              .ours = {us, us, us},
              .reference_name = "block layout",
              .reference = {them, them, them},
              .ratio = {ratio, ratio, ratio},
              .target = {},
              .limit = "entropy of the set of items",
              .x = on.x()});
}

void measure(const std::string& kind, document_source& documents, uint64_t postings, size_t segments, double target,
             const search_bench_options& o, reporter& report) {
  const auto c = make_corpus(documents, {postings, segments, o.queries, o.hashes_per_query});
  check_answers(c);
  std::string what = kind + " " + std::to_string(postings / 1'000'000) + " M";
  const subject on{kind + "/" + std::to_string(postings) + "/" + std::to_string(segments), std::move(what),
                   postings, segments};
  measure_latency(on, c, o.rounds, target, report);
  if (segments == 1) {
    measure_threads(on, c, o.rounds, report);
    report_size(on, c, report);
  }
}

}  // namespace

void run_uniform(const search_bench_options& o, reporter& report) {
  for (const size_t segments : o.segments) {
    uniform_source documents(o.hashes_per_document);
    measure("uniform", documents, o.postings, segments, segments < 16 ? 8 : 10, o, report);
  }
}

void run_music(const search_bench_options& o, reporter& report) {
  for (const bool silent : {false, true}) {
    for (const size_t segments : o.segments) {
      music_source documents(o.fingerprints, silent);
      measure(silent ? "silence" : "music", documents, o.music_postings, segments, 5, o, report);
    }
  }
}

}  // namespace fp::bench
