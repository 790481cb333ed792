#include "actors/changelog_actor.hpp"

#include <algorithm>

#include "actors/spawn_blocking.hpp"

namespace fp {

namespace {

// Of each worker. Who asks waits for an answer before the next question, so that many are many indexes.
constexpr size_t max_questions = 4'096;

template <class Call>
typename Call::answer unavailable_answer(const Call&, const std::string& why) {
  return refused<typename Call::answer>(changelog_status::unavailable, why);
}

append_call::answer unavailable_answer(const append_call& call, const std::string& why) {
  return append_call::answer(call.appends->size(), refused<append_answer>(changelog_status::unavailable, why));
}

}  // namespace

changelog_handle::behavior_type changelog_worker(pooled_pointer<changelog_handle, changelog_worker_state> self,
                                                 std::shared_ptr<changelog> engine,
                                                 std::chrono::milliseconds timeout) {
  auto* s = &self->state;
  keep_exception_text(self);
  s->engine = std::move(engine);
  s->timeout = timeout;
  // What an engine throws is about the question, and ends nothing.
  const auto asked = [s](const auto& call) -> caf::result<typename std::decay_t<decltype(call)>::answer> {
    try {
      return call.on(*s->engine, steady_clock::now() + s->timeout);
    } catch (const std::exception& e) {
      return to_caf_error(e);
    }
  };
  return {
      [=](const append_call& c) { return asked(c); },
      [=](const read_call& c) { return asked(c); },
      [=](const bounds_call& c) { return asked(c); },
      [=](const newest_call& c) { return asked(c); },
      [=](const truncate_call& c) { return asked(c); },
      [=](const read_meta_call& c) { return asked(c); },
      [=](const create_lineage_call& c) { return asked(c); },
      [=](const delete_lineage_call& c) { return asked(c); },
  };
}

changelog_state::~changelog_state() {
  for (const auto& w : workers) w.engine->interrupt();
}

void changelog_state::init(pointer self_ptr, changelog_setup setup_values) {
  self = self_ptr;
  setup = std::move(setup_values);
  workers.resize(setup.num_connections);
  for (auto& w : workers) {
    w.engine = setup.make();
    w.handle =
        spawn_blocking(self, *setup.env, blocking_work::changelog, changelog_worker, w.engine, setup.call_timeout);
  }
}

void changelog_state::worker_down(const caf::down_msg& down) {
  const auto address = caf::actor_cast<caf::actor_addr>(down.source);
  for (const auto& w : workers) {
    if (w.handle.address() != address) continue;
    setup.env->log->critical("a changelog worker died: {}", text_of(down.reason));
    self->quit(down.reason);
    return;
  }
}

template <class Call>
caf::result<typename Call::answer> changelog_state::ask(const Call& call) {
  using answer_type = typename Call::answer;
  const auto idlest = std::min_element(workers.begin(), workers.end(), [](const worker& a, const worker& b) {
    return a.num_questions < b.num_questions;
  });
  if (idlest->num_questions >= max_questions) {
    return unavailable_answer(call, "too many questions wait for the changelog");
  }
  const auto number = static_cast<size_t>(idlest - workers.begin());
  idlest->num_questions++;
  auto promise = self->make_response_promise<answer_type>();
  self->request(idlest->handle, caf::infinite, call)
      .then(
          [this, promise, number](answer_type& answer) mutable {
            workers[number].num_questions--;
            promise.deliver(std::move(answer));
          },
          [this, promise, number](const caf::error& e) mutable {
            workers[number].num_questions--;
            promise.deliver(e);
          });
  return promise;
}

changelog_handle::behavior_type changelog_actor(changelog_state::pointer self, changelog_setup setup) {
  auto* s = &self->state;
  keep_exception_text(self);
  self->set_down_handler([=](const caf::down_msg& down) { s->worker_down(down); });
  s->init(self, std::move(setup));
  return {
      [=](const append_call& c) { return s->ask(c); },
      [=](const read_call& c) { return s->ask(c); },
      [=](const bounds_call& c) { return s->ask(c); },
      [=](const newest_call& c) { return s->ask(c); },
      [=](const truncate_call& c) { return s->ask(c); },
      [=](const read_meta_call& c) { return s->ask(c); },
      [=](const create_lineage_call& c) { return s->ask(c); },
      [=](const delete_lineage_call& c) { return s->ask(c); },
  };
}

}  // namespace fp
