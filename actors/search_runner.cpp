#include "actors/search_runner.hpp"

#include <algorithm>
#include <utility>

namespace fp {

namespace {

// Whoever is faster does not even look at the settings.
constexpr auto least_slow = std::chrono::milliseconds(1);

}  // namespace

steady_clock::time_point search_deadline(const search_request& request, steady_clock::time_point received) {
  if (request.timeout_ms == 0) return steady_clock::time_point::max();
  return received + std::chrono::milliseconds(request.timeout_ms);
}

void search_runner::note(const search_request& request, duration time, std::string_view outcome) {
  const auto threshold = std::chrono::milliseconds(env_.newest_settings()->slow_search_ms);
  if (threshold.count() == 0 || time < threshold) return;
  const auto now = steady_clock::now();
  if (now < next_note_) {
    num_unlogged_++;
    return;
  }
  next_note_ = now + std::chrono::seconds(1);
  std::string more;
  if (num_unlogged_ > 0) more = "; " + std::to_string(std::exchange(num_unlogged_, 0)) + " more since the last one";
  const std::string near = request.probes > 0 ? ", probes " + std::to_string(request.probes) : std::string();
  env_.log->warn("{}: slow search: {} ms: {} hashes{}, limit {}, time limit {} ms: {}{}", index_,
                 std::chrono::duration_cast<std::chrono::milliseconds>(time).count(), request.query.size(), near,
                 request.limit, request.timeout_ms, outcome, more);
}

search_reply search_runner::run(const snapshot& index, const search_request& request,
                                steady_clock::time_point started, steady_clock::time_point deadline,
                                const cancel_flag* cancel, bool may_be_cold) {
  return *try_run(index, request, started, deadline, cancel, steady_clock::time_point::max(), may_be_cold);
}

std::optional<search_reply> search_runner::try_run(const snapshot& index, const search_request& request,
                                                   steady_clock::time_point started,
                                                   steady_clock::time_point deadline, const cancel_flag* cancel,
                                                   steady_clock::time_point give_up, bool may_be_cold) {
  search_options options;
  options.limit = std::min(request.limit, max_search_limit);
  if (request.min_score) options.min_score = *request.min_score;
  options.score_pct = request.score_pct;
  options.probes = request.probes;
  options.deadline = std::min(deadline, give_up);
  options.cancel = cancel;
  options.may_be_cold = may_be_cold;
  options.max_bytes = env_.settings.max_search_bytes;
  try {
    const auto outcome = engine_.search(index, query_view::of_bytes(request.query.bytes()), options);
    search_reply reply{result_list(outcome.results), index.version(), {}};
    const auto time = steady_clock::now() - started;
    metrics_->searched(outcome.results.size(), outcome.num_hashes, outcome.num_postings, index.entries().size(),
                       time);
    if (time >= least_slow) {
      note(request, time,
           std::to_string(outcome.num_postings) + " postings, " + std::to_string(outcome.results.size()) +
               " results");
    }
    return reply;
  } catch (const std::exception& e) {
    const auto code = code_of(to_caf_error(e));
    if (code == errc::search_timeout && give_up < deadline) return std::nullopt;
    const auto time = steady_clock::now() - started;
    metrics_->search_failed(code, time);
    note(request, time, e.what());
    throw;
  }
}

}  // namespace fp
