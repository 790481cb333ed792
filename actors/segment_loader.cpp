#include "actors/segment_loader.hpp"

#include "actors/spawn_blocking.hpp"

namespace fp {

void segment_loader_state::ask_for_work() {
  if (is_cancelled(setup.cancel.get())) {
    self->quit();
    return;
  }
  self->send(setup.tasks, next_atom_v, segment_loader_handle(self));
}

void segment_loader_state::load(const load_task& task) {
  open_options options;
  const auto settings = setup.env->newest_settings();
  options.mode = settings->segment_load_mode;
  // Reading all of what has no room in memory takes minutes: the scrub does it, at once and at its own rate.
  options.leave_postings = options.mode == load_mode::disk && settings->scrub_bytes_per_second > 0;
  options.cancel = setup.cancel.get();
  options.on_progress = [this](uint64_t bytes) { self->send(setup.listener, load_advanced{setup.attempt, bytes}); };
  const auto started = steady_clock::now();
  try {
    auto loaded = open_segment(*setup.env->fs, setup.data / task.entry.file_name, &task.entry.info, options);
    self->send(setup.listener,
               segment_loaded{setup.attempt, task.position, std::move(loaded), steady_clock::now() - started});
  } catch (const std::exception& e) {
    // After the first failure of an attempt nobody wants to hear of the others.
    if (!is_cancelled(setup.cancel.get())) {
      self->send(setup.listener, load_failed{setup.attempt, to_caf_error(e), true});
    }
  }
  ask_for_work();
}

segment_loader_handle::behavior_type segment_loader(
    pooled_pointer<segment_loader_handle, segment_loader_state> self, loader_setup setup) {
  keep_exception_text(self);
  self->state.self = self;
  self->state.setup = std::move(setup);
  self->state.ask_for_work();
  return {
      [=](const load_task& task) { self->state.load(task); },
      [=](stop_atom) { self->quit(); },
  };
}

segment_loader_handle spawn_segment_loader(caf::scheduled_actor* parent, loader_setup setup) {
  const auto env = setup.env;
  return spawn_blocking(parent, *env, blocking_work::transfers, segment_loader, std::move(setup));
}

}  // namespace fp
