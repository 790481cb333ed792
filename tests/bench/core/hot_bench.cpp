#include <algorithm>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/search/search.hpp"
#include "tests/bench/bench.hpp"
#include "tests/bench/core/search_bench.hpp"
#include "tests/core/support/commits.hpp"

namespace fp::bench {

namespace {

constexpr uint32_t hashes_a_document = 20, hashes_a_query = 120, num_hot = 10;
constexpr uint32_t documents_with_both = 20;
constexpr uint32_t zero_bits = 4;  ///< lower bits of a hash that are zero

/// The hot hashes, each in a bucket of its own.
constexpr hash_value hot_hash(uint32_t number) { return 0x0fed'cba0 + number * 0x0123'4560; }
constexpr hash_value even = hot_hash(num_hot), odd = hot_hash(num_hot + 1);  ///< hardly ever in one document

/// Documents of uniform hashes, half of which hold each of ten hot hashes, independently; one half holds another
/// hot hash and the other half one more.
struct hot_corpus {
  uint32_t num_documents;
  snapshot_ptr index = std::make_shared<const snapshot>();
  std::vector<std::vector<hash_value>> some;  ///< documents' uniform hashes

  hot_corpus(uint32_t documents, size_t segments) : num_documents(documents) {
    std::mt19937_64 random(19);
    std::vector<hash_value> hashes;
    document_id id = 0;
    for (size_t s = 1; s <= segments; s++) {
      changes_encoder changes;
      while (id < uint64_t{documents} * s / segments) {
        id++;
        hashes.clear();
        for (uint32_t i = 0; i < hashes_a_document; i++) {
          hashes.push_back(static_cast<hash_value>(random()) << zero_bits);
        }
        if (id % (documents / 20'000 + 1) == 0) some.push_back(hashes);
        const uint64_t draws = random();
        for (uint32_t h = 0; h < num_hot; h++) {
          if ((draws >> h & 1) != 0) hashes.push_back(hot_hash(h));
        }
        const bool both = id % (documents / documents_with_both) == 0;
        if (both || id % 2 == 0) hashes.push_back(even);
        if (both || id % 2 == 1) hashes.push_back(odd);
        changes.insert(id, hashes);
      }
      index = index->with_added(test::make_segment(test::make_commit(s, changes)));
    }
  }

  /// All hashes of a document among those of many others, or one of each of many documents; and some hot ones.
  std::vector<hash_value> query(std::mt19937_64& random, bool of_document, uint32_t count) const {
    std::vector<hash_value> q;
    for (uint32_t h = 0; h < count; h++) q.push_back(hot_hash(h));
    if (of_document) {
      const auto& document = some[random() % some.size()];
      q.insert(q.end(), document.begin(), document.end());
    }
    while (q.size() < hashes_a_query) q.push_back(some[random() % some.size()][random() % hashes_a_document]);
    return q;
  }
};

double us_per_query(searcher& engine, const snapshot& index, const std::vector<std::vector<hash_value>>& queries,
                    const search_options& options) {
  const double took = cpu_seconds([&] {
    for (const auto& q : queries) engine.search(index, q, options);
  });
  return took * 1e6 / static_cast<double>(queries.size());
}

void add_figure(const std::string& id, const std::string& what, const hot_corpus& c, const paired_times& times,
                const std::string& reference_name, double target, reporter& report) {
  report.add({.id = "hot/" + id,
              .what = what,
              .unit = "us/query",
              .ours = times.ours,
              .reference_name = reference_name,
              .reference = times.reference,
              .ratio = times.ratio,
              .target = target,
              .limit = "decoding",
              .x = {{"documents", static_cast<double>(c.num_documents)}}});
}

/// What a search takes against what it may take.
void measure_bound(const std::string& id, const std::string& what, const hot_corpus& c,
                   const std::vector<std::vector<hash_value>>& queries, const search_options& options, double most,
                   uint32_t rounds, reporter& report) {
  searcher engine;
  const auto times =
      time_pairs(rounds, [&] { return std::pair(us_per_query(engine, *c.index, queries, options), most); });
  add_figure(id, what, c, times, "what it may take", 1, report);
}

/// A query with a hot hash against the same without it, at the line protocol's defaults.
void measure_one(const std::string& id, const std::string& what, const hot_corpus& c, bool of_document,
                 uint32_t rounds, reporter& report) {
  constexpr size_t num_queries = 300;
  std::mt19937_64 random(23);
  std::vector<std::vector<hash_value>> with, without;
  for (size_t i = 0; i < num_queries; i++) {
    with.push_back(c.query(random, of_document, 1));
    without.emplace_back(with.back().begin() + 1, with.back().end());
  }
  search_options options;
  options.limit = 500;
  options.min_score = 1;
  searcher engine;
  const auto times = time_pairs(rounds, [&] {
    const double ours = us_per_query(engine, *c.index, with, options);
    return std::pair(ours, us_per_query(engine, *c.index, without, options));
  });
  add_figure(id, what, c, times, "the same without the hot hash", 0.5, report);
}

}  // namespace

void run_hot(const search_bench_options& o, reporter& report) {
  constexpr double most_of_two = 6e3, most_of_ten = 20e3;
  const std::string held = " held by " + std::to_string(o.held_by / 1000) + " k documents";
  for (const size_t segments : {1, 4}) {
    const hot_corpus c(o.held_by * 2, segments);
    const std::string in = segments == 1 ? "1 segment" : std::to_string(segments) + " segments";
    const std::string row = "/" + std::to_string(segments);
    const std::string one = "120 hashes, one" + held + ", " + in;
    measure_one("one" + row, one, c, true, o.rounds, report);
    measure_one("one-by-chance" + row, one + ", no document holds many", c, false, o.rounds, report);

    const std::string two = "2 hashes, each" + held + ", " + in;
    measure_bound("two" + row, two, c, {{hot_hash(0), hot_hash(1)}}, {}, most_of_two, o.rounds, report);
    measure_bound("two-apart" + row, two + ", fewer documents hold both than results are asked for", c,
                  {{even, odd}}, {}, most_of_two, o.rounds, report);

    std::mt19937_64 random(29);
    std::vector<std::vector<hash_value>> of_documents, by_chance;
    for (int i = 0; i < 3; i++) {
      of_documents.push_back(c.query(random, true, num_hot));
      by_chance.push_back(c.query(random, false, num_hot));
    }
    search_options options;
    options.min_score = 1;
    const std::string ten = "120 hashes, ten" + held + ", min_score 1, " + in;
    measure_bound("ten" + row, ten, c, of_documents, options, most_of_ten, o.rounds, report);
    measure_bound("ten-by-chance" + row, ten + ", no document holds many", c, by_chance, options, most_of_ten,
                  o.rounds, report);
    options.limit = 10'000;
    measure_bound("ten-all" + row, ten + ", 10,000 results", c, by_chance, options, most_of_ten, o.rounds, report);
  }
}

}  // namespace fp::bench
