#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "actors/segment_loader.hpp"
#include "tests/actors/support/actor_fixture.hpp"

namespace fp::test {

/// Stands in for the segment loaders of a node: takes tasks as they do, and finishes or fails them when told to.
class scripted_loaders {
 public:
  struct job {
    load_task task;
    uint64_t attempt = 0;
    path data;
    load_listener listener;
    manifest_handle tasks;
    segment_loader_handle loader;
    cancel_flag_ptr cancel;
  };

  std::function<segment_loader_handle(caf::scheduled_actor*, loader_setup)> spawner() {
    return [shared = shared_](caf::scheduled_actor* parent, loader_setup setup) {
      auto handle = parent->home_system().spawn(behavior, shared, std::move(setup));
      parent->monitor(handle);
      parent->link_to(handle);
      return handle;
    };
  }

  /// Tasks handed out and not finished, by the data folder and the position in its manifest.
  const std::vector<job>& jobs() const { return shared_->jobs; }
  size_t num_alive() const { return shared_->alive; }
  size_t max_alive() const { return shared_->max_alive; }
  size_t num_spawned() const { return shared_->spawned; }

  /// Reports the segment of the nth job, as read from its file, and asks for more.
  segment_ptr finish(size_t nth) {
    const job j = take(nth);
    auto loaded = open_segment(posix_file_system(), j.data / j.task.entry.file_name, &j.task.entry.info);
    caf::anon_send(j.listener, load_advanced{j.attempt, j.task.entry.info.num_bytes});
    caf::anon_send(j.listener, segment_loaded{j.attempt, j.task.position, loaded});
    next(j);
    return loaded;
  }
  /// Reports an error for the nth job, and asks for more.
  void fail(size_t nth, errc code, const std::string& text) {
    const job j = take(nth);
    caf::anon_send(j.listener, load_failed{j.attempt, make_error(code, text)});
    next(j);
  }
  /// The loader of the nth job dies as from an exception.
  void crash(size_t nth, const std::string& text) {
    const job j = take(nth);
    caf::anon_send(caf::actor_cast<caf::actor>(j.loader),
                   caf::exit_msg{caf::actor_addr{}, make_error(errc::internal_error, text)});
  }
  /// The loader of the nth job notices that it is no longer wanted, as a real one does between slices.
  void give_up(size_t nth) {
    const job j = take(nth);
    if (is_cancelled(j.cancel.get())) caf::anon_send_exit(j.loader, caf::exit_reason::user_shutdown);
  }
  /// Drops the handles of all jobs.
  void clear() { shared_->jobs.clear(); }

 private:
  struct shared {
    std::vector<job> jobs;
    size_t alive = 0, max_alive = 0, spawned = 0;
  };

  static segment_loader_handle::behavior_type behavior(segment_loader_handle::pointer self,
                                                       std::shared_ptr<shared> s, loader_setup setup) {
    s->spawned++;
    s->alive++;
    s->max_alive = std::max(s->max_alive, s->alive);
    self->attach_functor([s](const caf::error&) { s->alive--; });
    self->send(setup.tasks, next_atom_v, segment_loader_handle(self));
    return {
        [=](const load_task& task) {
          s->jobs.push_back({task, setup.attempt, setup.data, setup.listener, setup.tasks,
                             segment_loader_handle(self), setup.cancel});
        },
        [=](stop_atom) { self->quit(); },
    };
  }

  job take(size_t nth) {
    job j = shared_->jobs.at(nth);
    shared_->jobs.erase(shared_->jobs.begin() + static_cast<std::ptrdiff_t>(nth));
    return j;
  }
  void next(const job& j) { caf::anon_send(j.tasks, next_atom_v, j.loader); }

  std::shared_ptr<shared> shared_ = std::make_shared<shared>();
};

}  // namespace fp::test
