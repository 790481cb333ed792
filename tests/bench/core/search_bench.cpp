#include "tests/bench/core/search_bench.hpp"

#include <cstdio>
#include <string>
#include <thread>

#include "core/search/search.hpp"
#include "tests/bench/bench.hpp"
#include "tests/bench/core/corpus.hpp"
#include "tests/bench/core/documents.hpp"

namespace fp::bench {

namespace {

std::string format(const char* pattern, double value) {
  char text[64];
  std::snprintf(text, sizeof text, pattern, value);
  return text;
}

void run_queries(const corpus& c, searcher& engine) {
  for (const auto& q : c.queries) engine.search(*c.index, q, {});
}

void measure_latency(const std::string& what, const corpus& c, uint32_t rounds) {
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
  print_row(what + ", " + std::to_string(c.blocks.size()) + " segments",
            format("%.1f us a query", spread_of(ours).median),
            format("block layout, without ranking: %.1f us", spread_of(theirs).median), spread_of(ratios));
}

void measure_threads(const std::string& what, const corpus& c, uint32_t rounds) {
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
  print_row(what + ", 2 threads", format("%.0f queries/s", spread_of(two).median),
            format("1 thread: %.0f queries/s", spread_of(one).median), spread_of(ratios));
}

void print_size(const corpus& c) {
  uint64_t their_bytes = 0;
  for (const auto& blocks : c.blocks) their_bytes += blocks.bytes();
  const auto stats = c.index->stats();
  const auto items = static_cast<double>(stats.num_postings);
  const double us = static_cast<double>(stats.num_bytes) / items, them = static_cast<double>(their_bytes) / items;
  print_row("size, whole segment", format("%.3f bytes a posting", us), format("block layout: %.3f bytes", them),
            {them / us, them / us, them / us});
}

void measure(const std::string& what, document_source& documents, uint64_t postings, size_t segments,
             const search_bench_options& o) {
  const auto c = make_corpus(documents, {postings, segments, o.queries, o.hashes_per_query});
  check_answers(c);
  const std::string name = what + " " + format("%.0f M", static_cast<double>(postings) / 1e6);
  measure_latency(name, c, o.rounds);
  if (segments == 1) {
    measure_threads(name, c, o.rounds);
    print_size(c);
  }
}

}  // namespace

void run_uniform(const search_bench_options& o) {
  for (const size_t segments : o.segments) {
    uniform_source documents(o.hashes_per_document);
    measure("uniform", documents, o.postings, segments, o);
  }
}

void run_music(const search_bench_options& o) {
  for (const bool silent : {false, true}) {
    for (const size_t segments : o.segments) {
      music_source documents(o.fingerprints, silent);
      measure(silent ? "music, silence" : "music", documents, o.music_postings, segments, o);
    }
  }
}

}  // namespace fp::bench
