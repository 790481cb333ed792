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
    return failure(e);
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
    return failure(e);
  }
}

caf::error searcher_state::failure(const std::exception& e) {
  auto why = to_caf_error(e);
  // A search reads nothing but segments.
  if (code_of(why) != errc::io_error) return why;
  self->send(owner, unreadable_atom_v);
  return make_error(errc::index_failed, text_of(why));
}

searcher_handle::behavior_type searcher_actor(searcher_state::pointer self, queue_depth depth,
                                              index_metrics_ptr metrics, uint64_t max_search_bytes,
                                              unreadable_listener owner) {
  keep_exception_text(self);
  self->state.self = self;
  self->state.owner = std::move(owner);
  self->state.depth = std::move(depth);
  self->state.runner.emplace(std::move(metrics), max_search_bytes);
  return {
      [=](const search_task& task) { return self->state.search(task); },
      [=](const search_batch_task& task) { return self->state.search_batch(task); },
      [=](stop_atom) { self->quit(); },
  };
}

}  // namespace fp
