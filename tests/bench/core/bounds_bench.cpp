#include <algorithm>
#include <random>

#include "core/search/search.hpp"
#include "tests/bench/bench.hpp"
#include "tests/bench/core/search_bench.hpp"
#include "tests/core/support/commits.hpp"

namespace fp::bench {

namespace {

constexpr uint32_t held_by = 100;  ///< documents that hold a hash: too few for a search to leave any out

spread exactly(double value) { return {value, value, value}; }

/// An index of documents with a hash each.
template <class F>
snapshot_ptr index_of(const std::vector<document_id>& ids, const F& hash_of) {
  changes_encoder changes;
  std::vector<hash_value> hashes(1);
  for (uint32_t i = 0; i < ids.size(); i++) {
    hashes[0] = hash_of(i);
    changes.insert(ids[i], hashes);
  }
  return snapshot::from_segments({test::make_segment(test::make_commit(1, changes))});
}

hash_value shared_hash(uint32_t number) { return number / held_by << 4; }

/// All hashes of documents that share them with others.
std::vector<hash_value> all_shared(uint32_t num_documents) {
  std::vector<hash_value> query;
  for (uint32_t i = 0; i < num_documents; i += held_by) query.push_back(shared_hash(i));
  return query;
}

/// Ids that lie where multiplication by the golden ratio, the usual hash of a number, puts them in one place.
std::vector<document_id> crafted_ids(uint32_t count) {
  constexpr uint32_t inverse = 0x144cbc89;  // of 0x9e3779b1
  std::vector<document_id> ids;
  for (uint32_t i = 1; i <= count; i++) ids.push_back(i * inverse);
  return ids;
}

std::vector<document_id> random_ids(uint32_t count) {
  std::mt19937 random(3);
  std::vector<document_id> ids;
  for (uint32_t i = 0; i < count; i++) ids.push_back(1 + random() % 0xfffffffe);
  return ids;
}

void measure_crafted_ids(uint32_t rounds, reporter& report) {
  constexpr uint32_t count = 60'000;
  const auto crafted = index_of(crafted_ids(count), shared_hash), drawn = index_of(random_ids(count), shared_hash);
  searcher engine;
  const std::vector<hash_value> query = all_shared(count);
  const auto times = time_pairs(rounds, [&] {
    const double ours = cpu_seconds([&] { engine.search(*crafted, query, {}); });
    return std::pair(ours * 1e6, cpu_seconds([&] { engine.search(*drawn, query, {}); }) * 1e6);
  });
  report.add({.id = "bounds/crafted",
              .what = "60,000 documents found whose ids are chosen to collide",
              .unit = "us/query",
              .ours = times.ours,
              .reference_name = "random ids",
              .reference = times.reference,
              .ratio = times.ratio,
              .target = 0.5,
              .limit = "cache",
              .x = {}});
}

/// What a search does between two looks at its clock, and the memory that it then has.
struct watched {
  static inline const searcher* engine = nullptr;
  static inline uint64_t most_bytes = 0;
  static inline double last = 0, longest = 0;

  static double thread_seconds() {
    timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
  }
  static steady_clock::time_point now() noexcept {
    const double at = thread_seconds();
    if (last > 0) longest = std::max(longest, at - last);
    last = at;
    most_bytes = std::max(most_bytes, engine->scratch_bytes());
    return steady_clock::now();
  }
};

void report_bounds(const std::string& id, const std::string& what, const snapshot& index,
                   const std::vector<hash_value>& query, uint32_t rounds, reporter& report) {
  searcher engine;
  search_options options;
  options.now = &watched::now;
  options.deadline =
      steady_clock::time_point::max() - std::chrono::nanoseconds(1);  // without one there are no looks
  watched::engine = &engine;
  watched::most_bytes = 0;
  std::vector<double> longest, ratios, kept;
  for (uint32_t round = 0; round < rounds; round++) {
    watched::last = watched::longest = 0;
    engine.search(index, query, options);
    longest.push_back(watched::longest * 1e6);
    ratios.push_back(1e3 / longest.back());
  }
  const auto report_memory = [&](const char* row, const char* kind, uint64_t bytes, const char* name,
                                 uint64_t most) {
    constexpr double mib = 1 << 20;
    const double taken = static_cast<double>(bytes) / mib, bound = static_cast<double>(most) / mib;
    report.add({.id = std::string("bounds/") + row + "/" + id,
                .what = what + kind,
                .unit = "MiB",
                .ours = exactly(taken),
                .reference_name = name,
                .reference = exactly(bound),
                .ratio = exactly(bound / std::max(taken, 1e-3)),
                .target = 1,
                .limit = "the bound",
                .x = {}});
  };
  report_memory("memory", ", memory", watched::most_bytes, "max_search_bytes", options.max_bytes);
  report_memory("kept", ", memory that is kept", engine.scratch_bytes(), "what a searcher may keep", 1 << 20);
  report.add({.id = "bounds/stride/" + id,
              .what = what + ", longest work without a look at the clock",
              .unit = "us",
              .ours = spread_of(longest),
              .reference_name = "a millisecond",
              .reference = exactly(1e3),
              .ratio = spread_of(ratios),
              .target = 1,
              .limit = "page faults of fresh memory",
              .x = {}});
}

}  // namespace

void run_bounds(const search_bench_options& o, reporter& report) {
  measure_crafted_ids(o.rounds, report);
  std::vector<document_id> all(o.hot_documents);
  for (uint32_t i = 0; i < o.hot_documents; i++) all[i] = i + 1;
  const std::string documents = std::to_string(o.hot_documents) + " documents";
  const auto index = index_of(all, shared_hash);
  report_bounds("found", documents + " found", *index, all_shared(o.hot_documents), o.rounds, report);
  {
    // One may be in a document that has the other, so neither can be left out.
    const auto halves = index_of(all, [](uint32_t i) { return i % 2; });
    report_bounds("hot", "two hashes in " + documents, *halves, {0, 1}, o.rounds, report);
  }
  std::vector<hash_value> query(1'000'000);
  std::mt19937 random(5);
  for (auto& h : query) h = random();
  report_bounds("query", "a query of a million hashes", *index, query, o.rounds, report);
}

}  // namespace fp::bench
