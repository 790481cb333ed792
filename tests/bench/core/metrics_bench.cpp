#include <prometheus/counter.h>
#include <prometheus/histogram.h>

#include <cstdio>
#include <thread>

#include "core/metrics/index_metrics.hpp"
#include "core/search/search.hpp"
#include "tests/bench/bench.hpp"
#include "tests/bench/core/corpus.hpp"
#include "tests/bench/core/documents.hpp"
#include "tests/bench/core/search_bench.hpp"

namespace fp::bench {

namespace {

using clock = std::chrono::steady_clock;

constexpr uint64_t index_postings = 10'000'000;
constexpr uint64_t num_records = 1'000'000;
constexpr unsigned num_threads = 2;

/// The same facts in prometheus-cpp's own objects.
struct prometheus_metrics {
  static std::vector<double> bounds_of(const histogram_shape& shape) {
    std::vector<double> bounds;
    for (const auto b : shape.bounds) bounds.push_back(static_cast<double>(b) / shape.units);
    return bounds;
  }

  void searched(size_t num_results, uint64_t num_hashes, uint64_t num_postings, uint64_t num_segments,
                std::chrono::nanoseconds took) {
    searches.Increment();
    (num_results > 0 ? hits : misses).Increment();
    durations.Observe(std::chrono::duration<double>(took).count());
    scanned.Observe(static_cast<double>(num_postings) / static_cast<double>(num_hashes));
    looked_into.Observe(static_cast<double>(num_segments));
  }

  prometheus::Counter searches, hits, misses;
  prometheus::Histogram durations{bounds_of(request_durations())};
  prometheus::Histogram scanned{{0.01, 0.1, 1, 2, 3, 5, 10, 50, 100, 500, 1e3, 1e4, 1e5, 1e6}};
  prometheus::Histogram looked_into{{1, 2, 3, 5, 10, 20, 50, 100}};
};

/// Nanoseconds a search for which `threads` threads record at once, the clock included that tells its duration.
template <class Metrics>
double recording_ns(Metrics& metrics, unsigned threads) {
  const auto record = [&] {
    for (uint64_t i = 0; i < num_records; i++) {
      const auto started = clock::now();
      metrics.searched(i % 8, 100, 60 + i % 100, 4, clock::now() - started + std::chrono::microseconds(i % 500));
    }
  };
  const double taken = seconds([&] {
    std::vector<std::thread> others;
    for (unsigned t = 1; t < threads; t++) others.emplace_back(record);
    record();
    for (auto& t : others) t.join();
  });
  return taken * 1e9 / static_cast<double>(num_records);
}

}  // namespace

void run_metrics(const search_bench_options& o, reporter& report) {
  uniform_source documents(o.hashes_per_document);
  const auto c = make_corpus(documents, {index_postings, 1, o.queries, o.hashes_per_query});
  searcher engine;
  index_metrics ours("a");
  prometheus_metrics theirs;
  std::vector<double> search_ns, record_ns, shares, contended_ns, their_ns, ratios;
  uint64_t found = 0;
  for (uint32_t round = 0; round <= o.rounds; round++) {
    const double search = seconds([&] {
                            for (const auto& q : c.queries) found += engine.search(*c.index, q, {}).results.size();
                          }) *
                          1e9 / static_cast<double>(c.queries.size());
    const double record = recording_ns(ours, 1);
    const double contended = recording_ns(ours, num_threads), reference = recording_ns(theirs, num_threads);
    if (round == 0) continue;  // warms up
    search_ns.push_back(search);
    record_ns.push_back(record);
    shares.push_back(search / record);
    contended_ns.push_back(contended);
    their_ns.push_back(reference);
    ratios.push_back(reference / contended);
  }
  if (found == 0) throw std::runtime_error("no query found its document");
  report.add({.id = "metrics/record/1",
              .what = "recording a search",
              .unit = "ns/search",
              .ours = spread_of(record_ns),
              .reference_name = "the search itself, 1 segment",
              .reference = spread_of(search_ns),
              .ratio = spread_of(shares),
              .target = {},
              .limit = "two readings of the clock",
              .x = {{"threads", 1}}});
  report.add({.id = "metrics/record/2",
              .what = "recording, 2 threads at once",
              .unit = "ns/search",
              .ours = spread_of(contended_ns),
              .reference_name = "prometheus-cpp's own objects",
              .reference = spread_of(their_ns),
              .ratio = spread_of(ratios),
              .target = {},
              .limit = "cache lines that two threads write",
              .x = {{"threads", 2}}});
}

}  // namespace fp::bench
