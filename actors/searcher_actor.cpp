#include "actors/searcher_actor.hpp"

namespace fp {

namespace {

/// A task that is being worked on: when it is done, it waits no more, and what came from a disk for it is known.
class task_in_work {
 public:
  explicit task_in_work(const searcher_setup& setup) : setup_(setup), faults_before_(setup.env->disk_reads()) {}
  task_in_work(const task_in_work&) = delete;
  task_in_work& operator=(const task_in_work&) = delete;
  ~task_in_work() {
    setup_.warm->searched(setup_.env->disk_reads() - faults_before_);
    setup_.depth->fetch_sub(1, std::memory_order_relaxed);
  }

 private:
  const searcher_setup& setup_;
  uint64_t faults_before_;
};

}  // namespace

document_reply find_document(const snapshot& index, const std::string& index_name, document_id id) {
  const auto found = index.find(id);
  if (!found) {
    throw error(errc::document_not_found, "index " + index_name + " holds no document " + std::to_string(id));
  }
  return document_reply{found->commit};
}

caf::result<document_reply> searcher_state::document(const document_task& task) {
  const task_in_work work(setup);
  try {
    return find_document(*task.index, task.index_name, task.id);
  } catch (const std::exception& e) {
    return failure(e);
  }
}

caf::result<search_reply> searcher_state::search(const search_task& task) {
  const task_in_work work(setup);
  try {
    return runner->run(*task.index, *task.request, task.received, task.deadline, task.cancel.get(),
                       setup.warm->is_cold());
  } catch (const std::exception& e) {
    return failure(e);
  }
}

caf::result<search_batch_reply> searcher_state::search_batch(const search_batch_task& task) {
  const task_in_work work(setup);
  try {
    search_batch_reply reply;
    reply.replies.reserve(task.request.searches.size());
    auto started = task.received;
    for (const auto& request : task.request.searches) {
      reply.replies.push_back(runner->run(*task.index, request, started, search_deadline(request, task.received),
                                          nullptr, setup.warm->is_cold()));
      started = steady_clock::now();
    }
    return reply;
  } catch (const std::exception& e) {
    return failure(e);
  }
}

caf::error searcher_state::failure(const std::exception& e) {
  auto why = to_caf_error(e);
  // Searches and look-ups read nothing but segments.
  if (code_of(why) != errc::io_error) return why;
  self->send(setup.owner, unreadable_atom_v);
  return make_error(errc::index_failed, text_of(why));
}

searcher_handle::behavior_type searcher_actor(searcher_state::pointer self, searcher_setup setup) {
  keep_exception_text(self);
  self->state.self = self;
  self->state.setup = std::move(setup);
  const auto& s = self->state.setup;
  self->state.runner.emplace(*s.env, s.metrics->index(), s.metrics);
  return {
      [=](const search_task& task) { return self->state.search(task); },
      [=](const search_batch_task& task) { return self->state.search_batch(task); },
      [=](const document_task& task) { return self->state.document(task); },
      [=](stop_atom) { self->quit(); },
  };
}

}  // namespace fp
