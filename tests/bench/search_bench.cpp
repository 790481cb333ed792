#include <algorithm>
#include <cstdio>

#include "core/search/search.hpp"
#include "tests/bench/bench.hpp"
#include "tests/bench/block_layout.hpp"

namespace fp::bench {

namespace {

constexpr size_t num_queries = 2'000;

struct corpus {
  snapshot_ptr index;
  std::vector<block_layout> blocks;  ///< one a segment, same postings
  std::vector<std::vector<hash_value>> queries;
};

corpus make_corpus(const options& o, size_t num_segments) {
  corpus c;
  c.index = std::make_shared<const snapshot>();
  uniform_documents documents(7, o.hashes_per_document);
  const uint64_t per_segment = o.postings / o.hashes_per_document / num_segments;
  const uint64_t query_every = std::max<uint64_t>(1, per_segment * num_segments / num_queries);
  document_id id = 1;
  for (size_t s = 0; s < num_segments; s++) {
    changes_encoder changes;
    std::vector<posting> postings;
    for (uint64_t d = 0; d < per_segment; d++, id++) {
      const auto& hashes = documents.next();
      changes.insert(id, hashes);
      for (const hash_value h : hashes) postings.push_back(make_posting(h, id));
      if (id % query_every == 0) c.queries.push_back(hashes);
    }
    const commit one{s + 1, std::make_shared<const std::vector<uint8_t>>(changes.take())};
    c.index = c.index->with_added(build_memory_segment({&one, 1}));
    std::sort(postings.begin(), postings.end());
    postings.erase(std::unique(postings.begin(), postings.end()), postings.end());
    c.blocks.emplace_back(postings);
  }
  for (auto& q : c.queries) std::sort(q.begin(), q.end());
  return c;
}

}  // namespace

void run_search(const options& o) {
  for (const size_t num_segments : {1, 4, 16}) {
    const auto c = make_corpus(o, num_segments);
    searcher engine;
    std::vector<document_id> hits;
    std::vector<double> ours, theirs, ratios;
    uint64_t our_postings = 0, their_postings = 0;
    for (uint32_t round = 0; round <= o.rounds; round++) {
      our_postings = their_postings = 0;
      const double a = seconds([&] {
        for (const auto& q : c.queries) our_postings += engine.search(*c.index, q, {}).num_postings;
      });
      const double b = seconds([&] {
        for (const auto& q : c.queries) {
          hits.clear();
          for (const auto& blocks : c.blocks) blocks.search(q, hits);
          their_postings += hits.size();
        }
      });
      if (round == 0) continue;  // warms up
      ours.push_back(a * 1e6 / static_cast<double>(c.queries.size()));
      theirs.push_back(b * 1e6 / static_cast<double>(c.queries.size()));
      ratios.push_back(b / a);
    }
    if (our_postings != their_postings) {
      std::printf("DIFFERENT ANSWERS: %llu and %llu postings\n", static_cast<unsigned long long>(our_postings),
                  static_cast<unsigned long long>(their_postings));
      std::exit(1);
    }
    char us[64], them[64];
    std::snprintf(us, sizeof us, "%.1f us a query", spread_of(ours).median);
    std::snprintf(them, sizeof them, "block layout, without ranking: %.1f us", spread_of(theirs).median);
    print_row("search with ranking, " + std::to_string(num_segments) + " segments", us, them, spread_of(ratios));
    if (num_segments == 1) {
      const auto items = static_cast<double>(c.index->stats().num_postings);
      const double us_bytes = static_cast<double>(c.index->stats().num_bytes) / items;
      const double them_bytes = static_cast<double>(c.blocks[0].bytes()) / items;
      std::snprintf(us, sizeof us, "%.3f bytes a posting", us_bytes);
      std::snprintf(them, sizeof them, "block layout: %.3f bytes", them_bytes);
      const double ratio = them_bytes / us_bytes;
      print_row("size, whole segment", us, them, {ratio, ratio, ratio});
    }
  }
}

}  // namespace fp::bench
