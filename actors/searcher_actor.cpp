#include "actors/searcher_actor.hpp"

#include <algorithm>

namespace fp {

namespace {

struct depth_guard {
  std::atomic<uint32_t>& depth;
  ~depth_guard() { depth.fetch_sub(1, std::memory_order_relaxed); }
};

}  // namespace

steady_clock::time_point search_deadline(const search_request& request, steady_clock::time_point received) {
  if (request.timeout_ms == 0) return steady_clock::time_point::max();
  return received + std::chrono::milliseconds(request.timeout_ms);
}

search_reply searcher_state::run(const snapshot& index, const search_request& request,
                                 steady_clock::time_point started, steady_clock::time_point deadline,
                                 const cancel_flag* cancel) {
  search_options options;
  options.limit = std::min(request.limit, max_search_limit);
  if (request.min_score) options.min_score = *request.min_score;
  options.score_pct = request.score_pct;
  options.deadline = deadline;
  options.cancel = cancel;
  try {
    const auto outcome = engine.search(index, request.query.to_vector(), options);
    search_reply reply{result_list(outcome.results), index.version()};
    metrics->searched(outcome.results.size(), outcome.num_hashes, outcome.num_postings,
                      steady_clock::now() - started);
    return reply;
  } catch (const std::exception& e) {
    metrics->search_failed(code_of(to_caf_error(e)), steady_clock::now() - started);
    throw;
  }
}

caf::result<search_reply> searcher_state::search(const search_task& task) {
  depth_guard guard{*depth};
  try {
    return run(*task.index, task.request, task.received, task.deadline, task.cancel.get());
  } catch (const std::exception& e) {
    return to_caf_error(e);
  }
}

caf::result<search_batch_reply> searcher_state::search_batch(const search_batch_task& task) {
  depth_guard guard{*depth};
  try {
    search_batch_reply reply;
    reply.replies.reserve(task.request.searches.size());
    auto started = task.received;
    for (const auto& request : task.request.searches) {
      reply.replies.push_back(run(*task.index, request, started, search_deadline(request, task.received)));
      started = steady_clock::now();
    }
    return reply;
  } catch (const std::exception& e) {
    return to_caf_error(e);
  }
}

searcher_handle::behavior_type searcher_actor(guarded_pointer<searcher_handle, searcher_state> self,
                                              queue_depth depth, index_metrics_ptr metrics) {
  keep_exception_text(self);
  self->state.depth = std::move(depth);
  self->state.metrics = std::move(metrics);
  return {
      [=](const search_task& task) { return self->state.search(task); },
      [=](const search_batch_task& task) { return self->state.search_batch(task); },
      [=](stop_atom) { self->quit(); },
  };
}

}  // namespace fp
