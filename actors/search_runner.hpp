#pragma once

#include <optional>

#include "actors/environment.hpp"
#include "core/search/search.hpp"
#include "messages/types.hpp"

namespace fp {

/// Answers search requests and records them. For one thread at a time.
class search_runner {
 public:
  /// Searches that take at most `max_search_bytes` each.
  search_runner(index_metrics_ptr metrics, uint64_t max_search_bytes)
      : metrics_(std::move(metrics)), max_bytes_(max_search_bytes) {}

  /// Searches as having begun at `started`. Throws `search_timeout` past the deadline and `cancelled` when told so.
  search_reply run(const snapshot& index, const search_request& request, steady_clock::time_point started,
                   steady_clock::time_point deadline, const cancel_flag* cancel = nullptr);
  /// As `run`, if it ends before `give_up`. Otherwise none, and nothing is recorded.
  std::optional<search_reply> try_run(const snapshot& index, const search_request& request,
                                      steady_clock::time_point started, steady_clock::time_point deadline,
                                      const cancel_flag* cancel, steady_clock::time_point give_up);

 private:
  searcher engine_;
  index_metrics_ptr metrics_;
  uint64_t max_bytes_;
};

/// When a search that came in at `received` must have ended.
steady_clock::time_point search_deadline(const search_request& request, steady_clock::time_point received);

}  // namespace fp
