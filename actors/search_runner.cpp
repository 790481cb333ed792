#include "actors/search_runner.hpp"

#include <algorithm>

namespace fp {

steady_clock::time_point search_deadline(const search_request& request, steady_clock::time_point received) {
  if (request.timeout_ms == 0) return steady_clock::time_point::max();
  return received + std::chrono::milliseconds(request.timeout_ms);
}

search_reply search_runner::search(const snapshot& index, const search_request& request,
                                   steady_clock::time_point started, steady_clock::time_point deadline,
                                   const cancel_flag* cancel) {
  search_options options;
  options.limit = std::min(request.limit, max_search_limit);
  if (request.min_score) options.min_score = *request.min_score;
  options.score_pct = request.score_pct;
  options.deadline = deadline;
  options.cancel = cancel;
  const auto outcome = engine_.search(index, request.query.to_vector(), options);
  search_reply reply{result_list(outcome.results), index.version()};
  metrics_->searched(outcome.results.size(), outcome.num_hashes, outcome.num_postings,
                     steady_clock::now() - started);
  return reply;
}

void search_runner::record_failure(const std::exception& e, steady_clock::time_point started) {
  metrics_->search_failed(code_of(to_caf_error(e)), steady_clock::now() - started);
}

search_reply search_runner::run(const snapshot& index, const search_request& request,
                                steady_clock::time_point started, steady_clock::time_point deadline,
                                const cancel_flag* cancel) {
  try {
    return search(index, request, started, deadline, cancel);
  } catch (const std::exception& e) {
    record_failure(e, started);
    throw;
  }
}

std::optional<search_reply> search_runner::try_run(const snapshot& index, const search_request& request,
                                                   steady_clock::time_point started,
                                                   steady_clock::time_point deadline, const cancel_flag* cancel,
                                                   std::chrono::nanoseconds budget) {
  const auto spent = steady_clock::now() + budget;
  try {
    return search(index, request, started, std::min(deadline, spent), cancel);
  } catch (const std::exception& e) {
    const auto* failure = dynamic_cast<const error*>(&e);
    if (failure != nullptr && failure->code() == errc::search_timeout && spent < deadline) return std::nullopt;
    record_failure(e, started);
    throw;
  }
}

}  // namespace fp
