#include "actors/search_runner.hpp"

#include <algorithm>

namespace fp {

steady_clock::time_point search_deadline(const search_request& request, steady_clock::time_point received) {
  if (request.timeout_ms == 0) return steady_clock::time_point::max();
  return received + std::chrono::milliseconds(request.timeout_ms);
}

search_reply search_runner::run(const snapshot& index, const search_request& request,
                                steady_clock::time_point started, steady_clock::time_point deadline,
                                const cancel_flag* cancel) {
  return *try_run(index, request, started, deadline, cancel, steady_clock::time_point::max());
}

std::optional<search_reply> search_runner::try_run(const snapshot& index, const search_request& request,
                                                   steady_clock::time_point started,
                                                   steady_clock::time_point deadline, const cancel_flag* cancel,
                                                   steady_clock::time_point give_up) {
  search_options options;
  options.limit = std::min(request.limit, max_search_limit);
  if (request.min_score) options.min_score = *request.min_score;
  options.score_pct = request.score_pct;
  options.deadline = std::min(deadline, give_up);
  options.cancel = cancel;
  options.max_bytes = max_bytes_;
  try {
    const auto outcome = engine_.search(index, query_view::of_bytes(request.query.bytes()), options);
    search_reply reply{result_list(outcome.results), index.version()};
    metrics_->searched(outcome.results.size(), outcome.num_hashes, outcome.num_postings, index.entries().size(),
                       steady_clock::now() - started);
    return reply;
  } catch (const std::exception& e) {
    const auto code = code_of(to_caf_error(e));
    if (code == errc::search_timeout && give_up < deadline) return std::nullopt;
    metrics_->search_failed(code, steady_clock::now() - started);
    throw;
  }
}

}  // namespace fp
