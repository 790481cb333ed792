#include "actors/searcher_actor.hpp"

namespace fp {

namespace {

struct depth_guard {
  std::atomic<uint32_t>& depth;
  ~depth_guard() { depth.fetch_sub(1, std::memory_order_relaxed); }
};

}  // namespace

caf::result<search_reply> searcher_state::search(const search_task& task) {
  depth_guard guard{*depth};
  try {
    return runner->run(*task.index, task.request, task.received, task.deadline, task.cancel.get());
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
      reply.replies.push_back(runner->run(*task.index, request, started, search_deadline(request, task.received)));
      started = steady_clock::now();
    }
    return reply;
  } catch (const std::exception& e) {
    return to_caf_error(e);
  }
}

searcher_handle::behavior_type searcher_actor(guarded_pointer<searcher_handle, searcher_state> self,
                                              queue_depth depth, index_metrics_ptr metrics,
                                              uint64_t max_search_bytes) {
  keep_exception_text(self);
  self->state.depth = std::move(depth);
  self->state.runner.emplace(std::move(metrics), max_search_bytes);
  return {
      [=](const search_task& task) { return self->state.search(task); },
      [=](const search_batch_task& task) { return self->state.search_batch(task); },
      [=](stop_atom) { self->quit(); },
  };
}

}  // namespace fp
