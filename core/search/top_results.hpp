#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/base/types.hpp"
#include "core/search/score_table.hpp"
#include "core/search/stop_condition.hpp"

namespace fp {

/// Collects the best results of one or more passes over scores.
class top_results {
 public:
  /// At most `limit` results with `min_score` (1 or more) or more, and with `score_pct` percent of the best score
  /// or more.
  top_results(uint32_t limit, uint64_t min_score, uint32_t score_pct)
      : limit_(limit), score_pct_(score_pct), threshold_(limit > 0 ? min_score : UINT64_MAX) {}

  /// Learns that there is a document with this score or a higher one, which will be added if it is not yet.
  void promise(uint32_t score) noexcept { threshold_ = std::max(threshold_, uint64_t{score} * score_pct_ / 100); }
  /// The score that a document with an id of `first` or more needs to become a result; more than there can be when
  /// none can.
  uint64_t least_score(document_id first) const noexcept {
    return std::max(threshold_, uint64_t{worst_.score} + (worst_.id < first ? 1 : 0));
  }

  /// Takes a document, which comes once.
  void add(const search_result& result);
  /// Takes all scores of a table. Throws as `stop` does.
  template <class Slot>
  void collect(const basic_score_table<Slot>& scores, stop_condition& stop);

  uint32_t limit() const noexcept { return static_cast<uint32_t>(limit_); }
  /// The results: score descending, then id ascending.
  std::vector<search_result> take();

 private:
  /// Leaves the best `limit` ones.
  void drop_others();

  size_t limit_;
  uint64_t score_pct_, threshold_;
  std::vector<search_result> found_;  ///< the best `limit` ones, and others
  search_result worst_;               ///< of the best `limit` ones when others were dropped; before, worse than any
  size_t num_better_ = 0;             ///< of those found, with higher scores than the worst one's
};

extern template void top_results::collect(const score_table&, stop_condition&);
extern template void top_results::collect(const near_score_table&, stop_condition&);

}  // namespace fp
