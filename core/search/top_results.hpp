#pragma once

#include <cstdint>
#include <vector>

#include "core/base/types.hpp"
#include "core/search/score_table.hpp"
#include "core/search/stop_condition.hpp"

namespace fp {

/// Collects the best results of one or more passes over scores.
class top_results {
 public:
  /// At most `limit` results with `min_score` or more, and with `score_pct` percent of the best score or more.
  top_results(uint32_t limit, uint64_t min_score, uint32_t score_pct)
      : limit_(limit), min_score_(min_score), score_pct_(score_pct) {}

  /// Takes the scores of a pass. `best`: the best one of this pass and those before it. Throws as `stop` does.
  template <class Slot>
  void collect(const basic_score_table<Slot>& scores, uint32_t best, stop_condition& stop);

  /// The results: score descending, then id ascending.
  std::vector<search_result> take();

 private:
  uint64_t limit_, min_score_, score_pct_, threshold_ = 0;
  std::vector<search_result> heap_;  ///< with the worst one in front
};

extern template void top_results::collect(const score_table&, uint32_t, stop_condition&);
extern template void top_results::collect(const near_score_table&, uint32_t, stop_condition&);

}  // namespace fp
