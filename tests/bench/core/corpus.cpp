#include "tests/bench/core/corpus.hpp"

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string>

#include "core/base/radix_sort.hpp"
#include "core/commit/changes.hpp"
#include "core/search/search.hpp"

namespace fp::bench {

namespace {

std::vector<posting> sorted_postings(const commit& c) {
  std::vector<posting> postings, scratch;
  postings.reserve(c.changes->size() / sizeof(hash_value));
  changes_reader reader(*c.changes);
  change_view change;
  while (reader.next(change)) {
    for (size_t i = 0; i < change.num_hashes(); i++) postings.push_back(make_posting(change.hash(i), change.id));
  }
  radix_sort(postings, scratch, 0, 64);
  postings.erase(std::unique(postings.begin(), postings.end()), postings.end());
  return postings;
}

/// The documents of `hits` with their counts, as `searcher` ranks them with its default options.
std::vector<search_result> rank(std::vector<document_id> hits, size_t num_hashes) {
  std::sort(hits.begin(), hits.end());
  std::vector<search_result> ranked;
  for (const document_id id : hits) {
    if (ranked.empty() || ranked.back().id != id) ranked.push_back({id, 0});
    ranked.back().score++;
  }
  std::stable_sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.score > b.score; });
  const search_options defaults;
  const auto best = ranked.empty() ? 0 : ranked.front().score;
  const auto threshold = std::max<size_t>((num_hashes + 19) / 20, best * defaults.score_pct / 100);
  std::erase_if(ranked, [&](const auto& r) { return r.score < threshold; });
  if (ranked.size() > defaults.limit) ranked.resize(defaults.limit);
  return ranked;
}

}  // namespace

corpus make_corpus(document_source& documents, const corpus_size& size) {
  corpus c;
  c.index = std::make_shared<const snapshot>();
  uint64_t drawn = 0;
  document_id id = 0;
  for (size_t s = 1; s <= size.segments; s++) {
    changes_encoder changes;
    while (drawn < size.postings * s / size.segments) {
      const auto& hashes = documents.next();
      changes.insert(++id, hashes);
      drawn += hashes.size();
      if (c.queries.size() * size.postings >= drawn * size.queries) continue;
      auto query = documents.query(size.hashes_per_query);
      c.queries.push_back(query);
      std::sort(query.begin(), query.end());
      query.erase(std::unique(query.begin(), query.end()), query.end());
      c.sorted_queries.push_back(std::move(query));
    }
    const commit one{s, std::make_shared<const std::vector<uint8_t>>(changes.take())};
    c.index = c.index->with_added(build_memory_segment({&one, 1}));
    c.blocks.emplace_back(sorted_postings(one));
  }
  return c;
}

void check_answers(const corpus& c) {
  searcher engine;
  for (size_t q = 0; q < c.queries.size(); q++) {
    std::vector<document_id> hits;
    for (const auto& blocks : c.blocks) blocks.search(c.sorted_queries[q], hits, SIZE_MAX);
    const auto outcome = engine.search(*c.index, c.queries[q], {});
    if (outcome.num_postings != hits.size()) {
      throw std::runtime_error("different answers: " + std::to_string(outcome.num_postings) + " postings, " +
                               std::to_string(hits.size()) + " in the block layout");
    }
    if (outcome.results != rank(std::move(hits), c.queries[q].size()))
      throw std::runtime_error("a different ranking");
  }
}

}  // namespace fp::bench
