#pragma once

#include <string>
#include <string_view>

#include "actors/environment.hpp"
#include "actors/slow_search_log.hpp"
#include "core/search/search.hpp"
#include "messages/types.hpp"

namespace fp {

/// Answers search requests and records them. For one thread at a time.
class search_runner {
 public:
  /// Logs slow searches of the index; `env` outlives the object.
  search_runner(const environment& env, std::string index, index_metrics_ptr metrics)
      : env_(env), slow_(env, std::move(index)), metrics_(std::move(metrics)) {}

  /// Searches as having begun at `started`; `may_be_cold`: see `search_options`. Throws `search_timeout` past the
  /// deadline and `cancelled` when told so.
  search_reply run(const snapshot& index, const search_request& request, steady_clock::time_point started,
                   steady_clock::time_point deadline, const cancel_flag* cancel = nullptr,
                   bool may_be_cold = false);

 private:
  searcher engine_;
  const environment& env_;
  slow_search_log slow_;
  index_metrics_ptr metrics_;
};

/// What a request asks of a searcher, without its time limit.
search_options options_of(const search_request& request, uint64_t max_bytes);

/// What a search that was answered came to, for the log.
std::string outcome_text(const search_outcome& found);

/// When a search that came in at `received` must have ended.
steady_clock::time_point search_deadline(const search_request& request, steady_clock::time_point received);

}  // namespace fp
