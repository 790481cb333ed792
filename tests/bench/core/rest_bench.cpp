#include <algorithm>
#include <string>

#include "core/commit/changes.hpp"
#include "core/merge/merge.hpp"
#include "core/merge/merge_policy.hpp"
#include "core/search/search.hpp"
#include "tests/bench/bench.hpp"
#include "tests/bench/core/documents.hpp"
#include "tests/bench/core/search_bench.hpp"

namespace fp::bench {

namespace {

/// What an ingest leaves, in memory: checkpoints as large as a node's, merged as the policy says.
class ingested_index {
 public:
  explicit ingested_index(const search_bench_options& o)
      : o_(o), documents_(o.fingerprints), checkpoint_(std::max<uint64_t>(o.rest_postings / 20, 1)) {
    options_.min_segment_size = std::max<uint64_t>(1, checkpoint_ / 20);
  }

  /// Writes one checkpoint; false when everything has been written.
  bool write() {
    if (drawn_ >= o_.rest_postings) return false;
    changes_encoder changes;
    const uint64_t end = std::min(drawn_ + checkpoint_, o_.rest_postings);
    while (drawn_ < end) {
      const auto& hashes = documents_.next();
      changes.insert(++last_id_, hashes);
      drawn_ += hashes.size();
      if (queries_.size() * o_.rest_postings < drawn_ * o_.queries) {
        queries_.push_back(documents_.query(o_.hashes_per_query));
      }
    }
    const commit one{current_->version(), current_->version() + 1,
                     std::make_shared<const std::vector<uint8_t>>(changes.take())};
    current_ = current_->with_added(build_memory_segment({&one, 1}));
    return true;
  }

  template <class Choice>
  void settle(const Choice& choose) {
    while (true) {
      std::vector<merge_candidate> candidates;
      for (const auto& e : current_->entries()) candidates.push_back(candidate_of(e));
      const auto range = choose(candidates, options_);
      if (!range) return;
      current_ = current_->with_replaced(range->first, range->count,
                                         merge_to_memory(*current_, range->first, range->count));
    }
  }

  const snapshot_ptr& current() const { return current_; }
  const std::vector<std::vector<hash_value>>& queries() const { return queries_; }

 private:
  const search_bench_options& o_;
  music_source documents_;
  uint64_t checkpoint_, drawn_ = 0;
  document_id last_id_ = 0;
  merge_policy_options options_;
  snapshot_ptr current_ = std::make_shared<const snapshot>();
  std::vector<std::vector<hash_value>> queries_;
};

double queries_per_second(const snapshot& s, const std::vector<std::vector<hash_value>>& queries,
                          searcher& engine) {
  return static_cast<double>(queries.size()) / cpu_seconds([&] {
           for (const auto& q : queries) engine.search(s, q, {});
         });
}

}  // namespace

void run_rest(const search_bench_options& o, reporter& report) {
  ingested_index index(o);
  std::vector<snapshot_ptr> during;
  while (index.write()) {
    index.settle(choose_merge);
    during.push_back(index.current());
  }
  index.settle(choose_idle_merge);
  const snapshot_ptr rest = index.current();
  index.settle(choose_full_merge);
  const snapshot_ptr full = index.current();

  searcher engine;
  const auto measure = [&](const std::string& id, const std::string& what, const std::vector<snapshot_ptr>& states,
                           double target, const std::vector<snapshot_ptr>& references) {
    std::vector<double> ours, theirs, ratios;
    for (uint32_t round = 0; round <= o.rounds; round++) {
      for (size_t i = 0; i < states.size(); i++) {
        const double a = queries_per_second(*states[i], index.queries(), engine);
        const double b = queries_per_second(*references[i], index.queries(), engine);
        if (round == 0) continue;  // warms up
        ours.push_back(a);
        theirs.push_back(b);
        ratios.push_back(a / b);
      }
    }
    report.add({.id = "rest/" + id,
                .what = what,
                .unit = "queries/s",
                .ours = spread_of(ours),
                .reference_name = "the same as one segment",
                .reference = spread_of(theirs),
                .ratio = spread_of(ratios),
                .target = target,
                .limit = "number of segments",
                .x = {{"segments", static_cast<double>(states.back()->entries().size())}}});
  };
  const std::string items = "music " + std::to_string(o.rest_postings / 1'000'000) + " M";
  measure("idle", items + ", at rest after an ingest", {rest}, 0.9, {full});
  // The last five states are as large as any.
  std::vector<snapshot_ptr> states(during.end() - std::min<std::ptrdiff_t>(5, std::ssize(during)), during.end());
  std::vector<snapshot_ptr> merged;
  for (const auto& s : states) {
    merged.push_back(snapshot::from_segments({merge_to_memory(*s, 0, s->entries().size())}));
  }
  measure("ingest", items + ", between the checkpoints of an ingest", states, 0.5, merged);
}

}  // namespace fp::bench
