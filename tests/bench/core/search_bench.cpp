#include "tests/bench/core/search_bench.hpp"

#include <cmath>
#include <numbers>
#include <optional>
#include <string>
#include <thread>

#include "core/search/search.hpp"
#include "tests/bench/bench.hpp"
#include "tests/bench/core/corpus.hpp"
#include "tests/bench/core/documents.hpp"

namespace fp::bench {

namespace {

// The targets are those of 50 M items of music and of 100 M uniform ones; there is room for the last document's
// rest.
constexpr uint64_t least_items_of_targets = 50'000'000, most_items_of_targets = 110'000'000;
constexpr double most_bytes_an_item = 4.0;

void run_queries(const corpus& c, searcher& engine) {
  for (const auto& q : c.queries) engine.search(*c.index, q, {});
}

void measure_threads(const search_subject& on, const corpus& c, uint32_t rounds, reporter& report) {
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
  report.add({.id = "search-threads/" + on.id(),
              .what = on.what + ", 2 threads",
              .unit = "queries/s",
              .ours = spread_of(two),
              .reference_name = "1 thread",
              .reference = spread_of(one),
              .ratio = spread_of(ratios),
              .target = 1.8,
              .limit = "number of cores",
              .x = on.x()});
}

std::string millions(uint64_t items) { return std::to_string(items / 1'000'000) + " M"; }

}  // namespace

double bits_of_set(double items, double documents) {
  const double pairs = std::ldexp(documents, 28);
  const double rest = pairs - items;
  // ln(pairs! / rest!) by Stirling's formula: the plain difference would lose its digits.
  const double quotient = items * std::log(pairs) - (rest + 0.5) * std::log1p(-items / pairs) - items;
  return (quotient - std::lgamma(items + 1)) / std::numbers::ln2;
}

void measure_latency(const search_subject& on, const corpus& c, const search_bench_options& o, double target,
                     reporter& report) {
  searcher engine;
  std::vector<std::vector<hash_value>> sorted_queries;
  for (const auto& q : c.queries) sorted_queries.push_back(distinct(q));
  std::vector<document_id> hits;
  const double per_query = 1e6 / static_cast<double>(c.queries.size());
  const auto times = time_pairs(o.rounds, [&] {
    const double a = cpu_seconds([&] { run_queries(c, engine); });
    const double b = cpu_seconds([&] {
      for (const auto& q : sorted_queries) {
        hits.clear();
        for (const auto& blocks : c.blocks) blocks.search(q, hits);
      }
    });
    return std::pair(a * per_query, b * per_query);
  });
  report.add({.id = "search/" + on.id(),
              .what = on.what + ", " + std::to_string(on.segments) + (on.segments == 1 ? " segment" : " segments"),
              .unit = "us/query",
              .ours = times.ours,
              .reference_name = "block layout, without ranking",
              .reference = times.reference,
              .ratio = times.ratio,
              .target = on.items < least_items_of_targets || on.items > most_items_of_targets
                            ? std::nullopt
                            : std::optional(target),
              .limit = "memory latency",
              .x = on.x()});
}

void report_size(const search_subject& on, const corpus& c, reporter& report) {
  uint64_t block_bytes = 0;
  for (const auto& blocks : c.blocks) block_bytes += blocks.bytes();
  const auto stats = c.index->stats();
  const auto items = static_cast<double>(stats.num_postings);
  const auto add = [&](const std::string& reference, double ours, double theirs, std::optional<double> target) {
    const double ratio = theirs / ours;
    report.add({.id = "size/" + on.id() + (target ? "/bound" : ""),
                .what = on.what + ", bytes an item",
                .unit = "bytes/item",
                .ours = {ours, ours, ours},
                .reference_name = reference,
                .reference = {theirs, theirs, theirs},
                .ratio = {ratio, ratio, ratio},
                .target = target,
                .limit = "entropy of the set of items",
                .x = on.x()});
  };
  const double ours = static_cast<double>(stats.num_bytes) / items;
  add("block layout", ours, static_cast<double>(block_bytes) / items, {});
  if (!on.uniform) return;
  const double bound = bits_of_set(items, static_cast<double>(stats.num_documents)) / items / 8;
  add("log2 of the number of such sets", ours, bound, bound / most_bytes_an_item);
}

void run_uniform(const search_bench_options& o, reporter& report) {
  for (const uint64_t items : o.postings) {
    for (const size_t segments : o.segments) {
      uniform_source documents(o.hashes_per_document);
      const auto c = make_corpus(documents, {items, segments, o.queries, o.hashes_per_query});
      check_answers(c);
      const search_subject on{"uniform", "uniform " + millions(items), items, segments, true};
      measure_latency(on, c, o, segments < 16 ? 8 : 10, report);
      if (segments > 1) continue;
      measure_threads(on, c, o.rounds, report);
      report_size(on, c, report);
    }
  }
}

void run_music(const search_bench_options& o, reporter& report) {
  for (const size_t segments : o.segments) {
    music_source documents(o.fingerprints);
    auto c = make_corpus(documents, {o.music_postings, segments, o.queries, o.hashes_per_query});
    check_answers(c);
    search_subject on{"music", "music " + millions(o.music_postings), o.music_postings, segments, false};
    measure_latency(on, c, o, 5, report);
    if (segments == 1) {
      measure_threads(on, c, o.rounds, report);
      report_size(on, c, report);
    }
    for (auto& q : c.queries) q.back() = music_source::silence;
    check_answers(c);
    on.kind = "silence";
    on.what += ", silence in each query";
    measure_latency(on, c, o, 5, report);
  }
}

}  // namespace fp::bench
