#include <utility>

#include "actors/index_coordinator.hpp"

namespace fp {

void index_coordinator_state::end_children() {
  ending_children = true;
  const auto why = not_ready_error();
  engine->drop_jobs(to_core_error(why));
  if (load_cancel) *load_cancel = true;
  if (upkeep_cancel) *upkeep_cancel = true;
  // The manifest actor outlives its loaders, so that files and memory are free once it is down.
  if (manifests) self->send(manifests, stop_atom_v);
  // Searchers answer what they have accepted.
  for (const auto& s : searchers) self->send(s.handle, stop_atom_v);
  for (const auto& [address, role] : children) {
    const bool stops_by_itself = role == "manifest_actor" || role.starts_with("searcher ");
    if (!stops_by_itself) self->send_exit(address, caf::exit_reason::user_shutdown);
  }
  manifests = manifest_handle{};
  log = oplog_handle{};
  follower = feed_follower_handle{};
  builder = bulk_builder = segment_builder_handle{};
  checkpointer = memory_merger = file_merger = merge_handle{};
  searchers.clear();
  if (children.empty()) children_ended();
}

void index_coordinator_state::children_ended() {
  ending_children = false;
  if (state == index_state::closing) {
    // Before anybody hears that the index is gone.
    env->metrics->remove_index(*metrics);
    close_promise.deliver(done_atom_v);
    self->quit();
  } else if (reload_wanted) {
    reload_wanted = false;
    start_load();
  }
}

void index_coordinator_state::close(caf::typed_response_promise<done_atom> promise) {
  if (state == index_state::closing) {
    promise.deliver(make_error(errc::shutting_down, "index " + index_name() + " is being closed already"));
    return;
  }
  close_promise = promise;
  const bool was_loading = state == index_state::loading;
  set_state(index_state::closing, "");
  // It has nothing to write any more, and who waits for it would wait for nothing.
  if (follower) self->send_exit(follower, caf::exit_reason::user_shutdown);
  if (was_loading) {
    tracker.end(index_state::closing, "closed while loading", now());
    tell_observers();
  }
  refuse_waiting(make_error(errc::shutting_down, "index " + index_name() + " is being closed"));
  if (load_cancel) *load_cancel = true;
  if (upkeep_cancel) *upkeep_cancel = true;
  tell_engine([this](index_engine& e) { e.close(now()); });
}

void index_coordinator_state::continue_closing() {
  if (state != index_state::closing || ending_children) return;
  // Accepted writes are answered first, then files are left in order, then everybody goes.
  if (!engine->is_quiet()) return;
  if (log && !log_closing) {
    log_closing = true;
    const auto finish = [this] { end_children(); };
    self->request(log, caf::infinite, close_atom_v)
        .then([finish](done_atom) { finish(); },
              [this, finish](const caf::error& e) {
                env->log->warn("{}: closing the log: {}", index_name(), text_of(e));
                finish();
              });
    return;
  }
  if (!log_closing) end_children();
}

}  // namespace fp
