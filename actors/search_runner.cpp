#include "actors/search_runner.hpp"

#include <algorithm>
#include <utility>

namespace fp {

steady_clock::time_point search_deadline(const search_request& request, steady_clock::time_point received) {
  if (request.timeout_ms == 0) return steady_clock::time_point::max();
  return received + std::chrono::milliseconds(request.timeout_ms);
}

search_options options_of(const search_request& request, uint64_t max_bytes) {
  search_options options;
  options.limit = std::min(request.limit, max_search_limit);
  if (request.min_score) options.min_score = *request.min_score;
  options.score_pct = request.score_pct;
  options.probes = request.probes;
  options.max_bytes = max_bytes;
  return options;
}

std::string outcome_text(const search_outcome& found) {
  return std::to_string(found.num_postings) + " postings, " + std::to_string(found.results.size()) + " results";
}

search_reply search_runner::run(const snapshot& index, const search_request& request,
                                steady_clock::time_point started, steady_clock::time_point deadline,
                                const cancel_flag* cancel, bool may_be_cold) {
  search_options options = options_of(request, env_.settings.max_search_bytes);
  options.deadline = deadline;
  options.cancel = cancel;
  options.may_be_cold = may_be_cold;
  try {
    const auto outcome = engine_.search(index, query_view::of_bytes(request.query.bytes()), options);
    search_reply reply{result_list(outcome.results), index.version(), {}};
    const auto time = steady_clock::now() - started;
    metrics_->searched(outcome.results.size(), outcome.num_hashes, outcome.num_postings, index.entries().size(),
                       time);
    if (time >= slow_search_log::least) slow_.note(request, time, outcome_text(outcome));
    return reply;
  } catch (const std::exception& e) {
    const auto code = code_of(to_caf_error(e));
    const auto time = steady_clock::now() - started;
    metrics_->search_failed(code, time);
    slow_.note(request, time, e.what());
    throw;
  }
}

}  // namespace fp
