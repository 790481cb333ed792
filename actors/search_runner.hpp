#pragma once

#include <optional>

#include "actors/environment.hpp"
#include "core/search/search.hpp"
#include "messages/types.hpp"

namespace fp {

/// Answers search requests and records them. For one thread at a time.
class search_runner {
 public:
  explicit search_runner(index_metrics_ptr metrics) : metrics_(std::move(metrics)) {}

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
};

/// When a search that came in at `received` must have ended.
steady_clock::time_point search_deadline(const search_request& request, steady_clock::time_point received);

}  // namespace fp
