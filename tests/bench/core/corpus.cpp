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

/// The postings of a commit, made without the library's segments.
class commit_source final : public key_source {
 public:
  explicit commit_source(const commit& c) {
    postings_.reserve(c.changes->size() / sizeof(hash_value));
    changes_reader reader(*c.changes);
    change_view change;
    while (reader.next(change)) {
      for (size_t i = 0; i < change.num_hashes(); i++) postings_.push_back(make_posting(change.hash(i), change.id));
    }
    std::vector<posting> scratch;
    radix_sort(postings_, scratch, 0, 64);
    postings_.erase(std::unique(postings_.begin(), postings_.end()), postings_.end());
  }

  size_t size() const { return postings_.size(); }
  size_t read(std::span<uint64_t> out) override {
    const size_t count = std::min(out.size(), postings_.size() - read_);
    std::copy_n(postings_.begin() + static_cast<std::ptrdiff_t>(read_), count, out.begin());
    read_ += count;
    return count;
  }

 private:
  std::vector<posting> postings_;
  size_t read_ = 0;
};

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
      c.queries.push_back(documents.query(size.hashes_per_query));
    }
    const commit one{s - 1, s, std::make_shared<const std::vector<uint8_t>>(changes.take())};
    c.index = c.index->with_added(build_memory_segment({&one, 1}));
    commit_source postings(one);
    c.blocks.emplace_back(postings, postings.size());
  }
  return c;
}

std::vector<hash_value> distinct(std::vector<hash_value> hashes) {
  std::sort(hashes.begin(), hashes.end());
  hashes.erase(std::unique(hashes.begin(), hashes.end()), hashes.end());
  return hashes;
}

void check_answers(const corpus& c) {
  searcher engine;
  for (size_t q = 0; q < c.queries.size(); q++) {
    std::vector<document_id> hits;
    for (const auto& blocks : c.blocks) blocks.search(distinct(c.queries[q]), hits, SIZE_MAX);
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
