#include "actors/manifest_actor.hpp"

#include <algorithm>

#include "actors/blocking_pools.hpp"
#include "actors/segment_loader.hpp"

namespace fp {

void manifest_state::start() {
  try {
    const open_files::place place(*setup.env->files);
    current = read_manifest(*setup.env->fs, setup.data);
  } catch (const std::exception& e) {
    self->send(setup.listener, load_failed{setup.attempt, to_caf_error(e)});
    return;
  }
  for (size_t i = 0; i < current.segments.size(); i++) tasks.push_back({i, current.segments[i]});
  // Largest first, so that no long segment is left for the end when the other loaders have run out of work.
  std::stable_sort(tasks.begin(), tasks.end(), [](const load_task& a, const load_task& b) {
    return a.entry.info.num_bytes > b.entry.info.num_bytes;
  });
  const auto strategy = choose_strategy(tasks.size());
  self->send(setup.listener, load_plan{setup.attempt, strategy, std::make_shared<const manifest>(current)});
  const size_t pool = strategy == load_strategy::parallel
                          ? std::min<size_t>(num_loaders(*setup.env->newest_settings()), tasks.size())
                          : std::min<size_t>(1, tasks.size());
  for (size_t i = 0; i < pool; i++) add_loader();
}

load_strategy manifest_state::choose_strategy(size_t num_segments) const {
  if (num_segments == 0) return load_strategy::none;
  const auto settings = setup.env->newest_settings();
  const bool parallel = settings->parallel_loading && num_segments >= settings->parallel_loading_threshold;
  return parallel ? load_strategy::parallel : load_strategy::sequential;
}

void manifest_state::add_loader() {
  self->request(setup.budget, caf::infinite, acquire_atom_v)
      .then(
          [this](const permit_ptr& permit) {
            if (stopping || tasks.empty()) return;
            loader_setup loader{setup.env,      setup.attempt, setup.data, manifest_handle(self),
                                setup.listener, setup.cancel,  permit,     setup.lease};
            const auto& spawn = setup.env->spawn_loader;
            auto error = capture_error([&] {
              loaders.insert(
                  (spawn ? spawn(self, std::move(loader)) : spawn_segment_loader(self, std::move(loader)))
                      .address());
            });
            if (error) self->send(setup.listener, load_failed{setup.attempt, std::move(error)});
          },
          [this](const caf::error& e) {
            self->send(setup.listener, load_failed{setup.attempt, e});
          });
}

void manifest_state::feed(const segment_loader_handle& loader) {
  if (stopping || tasks.empty()) {
    self->send(loader, stop_atom_v);
    return;
  }
  self->send(loader, std::move(tasks.front()));
  tasks.pop_front();
}

void manifest_state::loader_down(const caf::down_msg& down) {
  loaders.erase(caf::actor_cast<caf::actor_addr>(down.source));
  if (down.reason && down.reason != caf::exit_reason::normal && !stopping) {
    self->send(
        setup.listener,
        load_failed{setup.attempt,
                    make_error(errc::internal_error, "a segment loader died: " + text_of(down.reason)), true});
  }
  if (stopping && loaders.empty()) self->quit();
}

void manifest_state::stop() {
  stopping = true;
  tasks.clear();
  if (loaders.empty()) self->quit();
}

caf::result<done_atom> manifest_state::store(const manifest_ptr& next, const file_names_ptr& obsolete) {
  try {
    const open_files::place place(*setup.env->files);
    write_manifest(*setup.env->fs, setup.data, *next);
    current = *next;
  } catch (const std::exception& e) {
    return to_caf_error(e);
  }
  for (const auto& file : *obsolete) {
    const auto is_it = [&](const manifest_entry& e) { return e.file_name == file; };
    if (std::any_of(next->segments.begin(), next->segments.end(), is_it)) continue;
    // Not worth failing for: the next start sweeps what stays behind.
    if (auto e = capture_error([&] { setup.env->fs->remove(setup.data / file); })) {
      setup.env->log->warn("{}: cannot remove {}: {}", setup.index, file, text_of(e));
    }
  }
  return done_atom_v;
}

void manifest_state::sweep() {
  auto e = capture_error([this] {
    const open_files::place place(*setup.env->files);
    for (const auto& file : sweep_data_folder(*setup.env->fs, setup.data, current)) {
      setup.env->log->info("{}: removed {}, which the manifest does not name", setup.index, file);
    }
  });
  if (e) setup.env->log->warn("{}: sweeping the data folder: {}", setup.index, text_of(e));
}

manifest_handle::behavior_type manifest_actor(pooled_pointer<manifest_handle, manifest_state> self,
                                              manifest_setup setup) {
  keep_exception_text(self);
  self->state.self = self;
  self->state.setup = std::move(setup);
  self->set_down_handler([=](const caf::down_msg& down) { self->state.loader_down(down); });
  // A loader's death is handled where it is known which attempt it belongs to; only the coordinator ends this
  // actor.
  self->set_exit_handler([=](const caf::exit_msg& e) {
    if (self->state.loaders.count(caf::actor_cast<caf::actor_addr>(e.source)) == 0) self->quit(e.reason);
  });
  self->send(manifest_handle(self), next_atom_v);
  return {
      [=](next_atom) { self->state.start(); },
      [=](next_atom, const segment_loader_handle& loader) { self->state.feed(loader); },
      [=](stop_atom) { self->state.stop(); },
      [=](store_atom, const manifest_ptr& next, const file_names_ptr& obsolete) {
        return self->state.store(next, obsolete);
      },
      [=](sweep_atom) {
        self->state.sweep();
        return done_atom_v;
      },
      // They go with the message.
      [](const retired_segments&) {},
  };
}

}  // namespace fp
