#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/index/snapshot.hpp"
#include "core/search/posting_lookup.hpp"
#include "core/search/score_table.hpp"
#include "core/search/stop_condition.hpp"

namespace fp {

/// Counts the postings of each document in the ranges that a query's hashes have, superseded versions left out.
class document_counter {
 public:
  /// Counts anew. Documents with `min_score` postings (at least 1) and more are counted in full, others perhaps
  /// not; `ranges` are reordered. Throws as `stop` does.
  void count(std::span<const snapshot::entry> entries, std::span<posting_range> ranges, uint64_t min_score,
             const stop_condition& stop);

  /// What the last `count` found.
  const score_table& scores() const noexcept { return scores_; }

 private:
  score_table scores_;
  std::vector<score_table::slot*> promising_;  ///< may still reach the score
};

}  // namespace fp
