#pragma once

#include <optional>
#include <span>
#include <vector>

#include "core/base/cancel.hpp"
#include "core/base/types.hpp"
#include "core/index/snapshot.hpp"

namespace fp {

struct search_options {
  uint32_t limit = 40;
  /// Default: (number of query hashes as given + 19) / 20.
  std::optional<uint32_t> min_score;
  /// Results below this share of the best score are dropped.
  uint32_t score_pct = 10;
  steady_clock::time_point deadline = steady_clock::time_point::max();
  const cancel_flag* cancel = nullptr;
};

struct search_outcome {
  std::vector<search_result> results;  ///< score descending, then id ascending
  uint64_t num_hashes = 0;             ///< distinct query hashes
  uint64_t num_postings = 0;           ///< postings that matched, before superseded ones were left out
};

/// Finds the documents that share the most distinct hashes with a query. An object keeps its scratch memory
/// between calls and serves one thread; make one per thread.
///
/// score(document) = number of distinct query hashes that the newest version of the document holds. Results
/// below max(min_score, best * score_pct / 100) are dropped, then `limit` applies. Throws `search_timeout`
/// past the deadline and `cancelled` when told so.
class searcher {
 public:
  searcher();
  ~searcher();
  searcher(const searcher&) = delete;
  searcher& operator=(const searcher&) = delete;

  search_outcome search(const snapshot& index, std::span<const hash_value> query, const search_options& options);

 private:
  struct scratch;
  std::unique_ptr<scratch> scratch_;
};

}  // namespace fp
