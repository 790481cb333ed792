#include "actors/index_coordinator.hpp"

#include <algorithm>

#include "actors/checkpoint_actor.hpp"
#include "actors/merge_actor.hpp"
#include "actors/segment_builder.hpp"
#include "actors/slice_replying.hpp"
#include "actors/spawn_blocking.hpp"

namespace fp {

namespace {

upkeep_options upkeep_options_of(const config& settings) {
  return {settings.checkpoint_threshold,
          std::chrono::milliseconds(settings.checkpoint_age_ms),
          settings.checkpoint_commits,
          settings.checkpoint_log_bytes,
          settings.max_memory_segments,
          std::chrono::milliseconds(settings.idle_merge_after_ms),
          settings.merge};
}

index_engine::options engine_options_of(const std::string& index, const config& settings) {
  return {index, settings.max_queued_updates, settings.max_queued_update_bytes, upkeep_options_of(settings)};
}

}  // namespace

index_coordinator_state::~index_coordinator_state() {
  try {
    if (load_cancel) *load_cancel = true;
    if (upkeep_cancel) *upkeep_cancel = true;
    const auto why = make_error(errc::internal_error, "the coordinator of index " + index_name() + " has ended");
    if (close_promise.pending()) close_promise.deliver(why);
    refuse_waiting(why);
    if (engine) {
      const error ended = to_core_error(why);
      engine->refuse_requests(ended);
      engine->refuse_updates(ended);
    }
    if (direct) env->direct->remove(index_name(), direct);
    if (metrics) env->metrics->remove_index(*metrics);
  } catch (const std::exception&) {
    // Out of memory: their requests end at their own timeouts.
  }
}

void index_coordinator_state::init(pointer self_ptr, coordinator_setup setup_values) {
  self = self_ptr;
  setup = std::move(setup_values);
  env = setup.env.get();
  metrics = env->metrics->add_index(index_name());
  engine.emplace(engine_options_of(index_name(), *env->newest_settings()), env->make_order(), *this);
  direct = std::make_shared<direct_search>(*env, metrics, warm);
  env->direct->add(index_name(), direct);
  if (setup.start_failed) {
    tracker.begin(index_name(), 0, now());
    tracker.end(index_state::failed, text_of(setup.start_failed), now());
    metrics->task_failed(index_task::load);
    env->log->error("{}: loading failed: {}", index_name(), text_of(setup.start_failed));
    set_failed(setup.start_failed);
    return;
  }
  begin_attempt();
  start_load();
}

void index_coordinator_state::set_state(index_state next, std::string why) {
  state = next;
  reason = why;
  offer_direct_search();
  metrics->set_state(to_string(next));
  self->send(setup.listener,
             index_state_changed{{index_name(), setup.record.shown_generation(), state, std::move(why)},
                                 unverified_segments > 0});
}

void index_coordinator_state::set_failed(const caf::error& why) {
  cause = code_of(why);
  set_state(index_state::failed, text_of(why));
}

void index_coordinator_state::child_down(const caf::down_msg& down) {
  const auto address = caf::actor_cast<caf::actor_addr>(down.source);
  for (auto it = observers.begin(); it != observers.end(); ++it) {
    if (it->address() == address) {
      observers.erase(it);
      return;
    }
  }
  if (copy && copy->fetch.is(address)) {
    on_base_failed("fetching it ended: " + text_of(down.reason));
    return;
  }
  note_end_of_child(address);
  const auto child = children.find(address);
  if (child == children.end()) return;
  const auto role = child->second;
  children.erase(child);
  if (ending_children) {
    if (children.empty()) children_ended();
    return;
  }
  if (role == "feed_follower" && (state == index_state::closing || !parked.empty())) {
    // It was told to.
    follower = feed_follower_handle{};
    return;
  }
  const auto text = role + " died: " + text_of(down.reason);
  env->log->error("{}: {}", index_name(), text);
  if (state == index_state::loading && !filling) {
    fail_load(make_error(errc::internal_error, text));
    return;
  }
  // The log and the manifest hold state on disk that only a new load can be sure of. The others are replaced.
  if (role == "oplog_actor" || role == "manifest_actor") {
    block_writes(text + "; reload the index");
    if (role == "manifest_actor") {
      manifests = manifest_handle{};
      engine->can_store(false, now());
      engine->refuse_requests(*engine->gate().block());
    }
  } else if (role == "feed_follower") {
    follower = feed_follower_handle{};
    spawn_follower();
  } else {
    spawn_workers();
  }
}

void index_coordinator_state::spawn_workers() {
  if (!has_child("segment_builder")) {
    auto handle = self->spawn<caf::linked + caf::monitored>(segment_builder);
    builder = adopt(handle, "segment_builder");
  }
  if (!has_child("bulk segment_builder")) {
    auto handle = spawn_blocking(self, *env, blocking_work::builds, segment_builder);
    bulk_builder = adopt(handle, "bulk segment_builder");
  }
  const size_t wanted = num_searchers(env->settings);
  searchers.resize(wanted);
  for (size_t i = 0; i < wanted; i++) {
    const auto role = "searcher " + std::to_string(i);
    if (has_child(role)) continue;
    auto depth = std::make_shared<std::atomic<uint32_t>>(0);
    auto handle = spawn_blocking(
        self, *env, blocking_work::searches, searcher_actor,
        searcher_setup{setup.env, depth, metrics, warm, unreadable_listener(index_coordinator_handle(self))});
    searchers[i] = {adopt(handle, role), depth};
  }
  index_metrics::queue_depths depths;
  for (const auto& s : searchers) depths.push_back(s.depth);
  metrics->watch_search_queues(std::move(depths));
}

bool index_coordinator_state::note_end_of_child(const caf::actor_addr& address) {
  if (told_once.erase(address) > 0) return true;
  if (children.count(address) == 0) return false;
  told_once.insert(address);
  return true;
}

bool index_coordinator_state::has_child(std::string_view role) const {
  return std::any_of(children.begin(), children.end(), [&](const auto& c) { return c.second == role; });
}

merge_handle index_coordinator_state::worker_for(upkeep_kind kind) {
  const auto made = [this](merge_handle& worker, const char* role, blocking_work work, auto actor) {
    if (!has_child(role)) worker = adopt(spawn_blocking(self, *env, work, actor, setup.env, folder), role);
    return worker;
  };
  switch (kind) {
    case upkeep_kind::checkpoint:
      return made(checkpointer, "checkpoint_actor", blocking_work::checkpoints, checkpoint_actor);
    case upkeep_kind::memory_merge:
      return made(memory_merger, "memory merge_actor", blocking_work::checkpoints, merge_actor);
    default:
      return made(file_merger, "file merge_actor", blocking_work::merges, merge_actor);
  }
}

index_coordinator_handle::behavior_type index_coordinator(index_coordinator_state::pointer self,
                                                          coordinator_setup setup) {
  auto* s = &self->state;
  keep_exception_text(self);
  self->set_down_handler([=](const caf::down_msg& down) { s->child_down(down); });
  // Children end by `child_down`; a stranger's wish to end this actor is none of its business. Only who spawned it
  // can take it along.
  const auto parent = caf::actor_cast<caf::actor_addr>(setup.listener);
  self->set_exit_handler([=](const caf::exit_msg& e) {
    if (caf::actor_cast<caf::actor_addr>(e.source) == parent) {
      self->quit(e.reason);
    } else if (!s->note_end_of_child(caf::actor_cast<caf::actor_addr>(e.source))) {
      s->env->log->warn("{}: ignored an exit message from an actor that does not own it", s->index_name());
    }
  });
  s->init(self, std::move(setup));
  return {
      [=](search_request& r) {
        s->metrics->requested(actor_request::search);
        const auto wait = r.ready_wait_ms;
        return s->when_ready<search_reply>(wait, [s, r = std::move(r)](auto& promise) mutable {
          const auto version = r.min_version;
          const auto limit = r.timeout_ms;
          s->when_at(version, limit, promise,
                     [s, r = std::move(r)](auto& p) mutable { s->search(p, std::move(r)); });
        });
      },
      [=](const local_search& search) {
        return s->when_ready<search_reply>(search.request->ready_wait_ms, [s, search](auto& promise) {
          s->when_at(search.request->min_version, search.request->timeout_ms, promise,
                     [s, search](auto& p) { s->local_search_request(p, search); });
        });
      },
      [=](const local_update& update) {
        return s->when_writable<update_reply>(update.ready_wait_ms,
                                              [s, update](auto& promise) { s->enqueue_update(promise, update); });
      },
      [=](search_batch_request& r) {
        s->metrics->requested(actor_request::search_batch);
        const auto wait = r.searches.empty() ? 0 : r.searches.front().ready_wait_ms;
        return s->when_ready<search_batch_reply>(
            wait, [s, r = std::move(r)](auto& promise) mutable { s->search_batch(promise, std::move(r)); });
      },
      [=](update_request& r) {
        s->metrics->requested(actor_request::update);
        const auto wait = r.ready_wait_ms;
        return s->when_writable<update_reply>(
            wait, [s, r = std::move(r)](auto& promise) mutable { s->update(promise, std::move(r)); });
      },
      [=](const document_request& r) {
        return s->when_ready<document_reply>(r.ready_wait_ms, [s, r](auto& promise) {
          s->when_at(r.min_version, 0, promise, [s, r](auto& p) { s->document(p, r); });
        });
      },
      [=](const index_info_request& r) {
        return s->when_ready<index_info>(r.ready_wait_ms, [s](auto& promise) { promise.deliver(s->info()); });
      },
      [=](served_request r) {
        return s->when_ready<snapshot_ptr>(r.ready_wait_ms, [s](auto& promise) { promise.deliver(s->current()); });
      },
      [=](const segments_request& r) {
        return s->when_ready<segment_list>(r.ready_wait_ms, [s](auto& promise) { promise.deliver(s->segments()); });
      },
      [=](status_atom) { return s->status(); },
      [=](subscribe_atom, const progress_observer& observer) { return s->subscribe(observer); },
      [=](checkpoint_atom) {
        return s->when_ready<upkeep_reply>(0, [s](auto& promise) { s->request_checkpoint(promise); });
      },
      [=](merge_atom) { return s->when_ready<upkeep_reply>(0, [s](auto& promise) { s->request_merge(promise); }); },
      [=](reload_atom) { return s->reload(); },
      [=](const snapshot_request& r) {
        return s->when_ready<snapshot_reply>(r.ready_wait_ms, [s, f = r.format](auto& promise) {
          s->stream_backup(promise, local_snapshot_request{f}, true);
        });
      },
      [=](const local_snapshot_request& r) {
        return s->when_ready<snapshot_reply>(0, [s, r](auto& promise) { s->stream_backup(promise, r, false); });
      },
      [=](const slice_questions& asked) { refuse_questions(self, asked, s->not_in_slices()); },
      [=](const slice_document&) -> caf::result<document_reply> { return s->not_in_slices(); },
      [=](slice_atom) { return s->held_slice(); },
      [=](cluster_atom) -> caf::result<cluster_status> { return s->not_in_slices(); },
      [=](const feed_commit& changes) {
        auto promise = self->make_response_promise<update_reply>();
        s->on_feed_commit(promise, changes);
        return promise;
      },
      [=](const replica_changed& changed) { s->on_replica_changed(changed); },
      [=](const replica_parked& parked) { s->on_parked(parked.why); },
      [=](const replica_resync& wanted) { return s->resync(wanted); },
      [=](resync_atom) { s->fetch_copy(); },
      [=](const base_progress& progress) { s->on_base_progress(progress); },
      [=](const base_failed& failed) { s->on_base_failed(failed.why); },
      [=](unreadable_atom) { s->fail_if_unreadable(); },
      [=](scrub_atom) { return s->scrub(); },
      [=](const segment_scrubbed& m) { s->on_scrubbed(m); },
      [=](const folder_lease_ptr& lease) { s->on_folder_free(lease); },
      [=](const load_plan& m) { s->on_plan(m); },
      [=](const segment_loaded& m) { s->on_segment(m); },
      [=](const load_failed& m) { s->on_load_failed(m); },
      [=](const load_advanced& m) { s->on_advanced(m); },
      [=](const oplog_opened& m) { s->on_oplog(m); },
      [=](tick_atom) { s->after_tick(); },
      [=](settings_atom) {
        s->tell_engine(
            [s](index_engine& e) { e.configure(upkeep_options_of(*s->env->newest_settings()), s->now()); });
      },
      [=](expire_atom, uint64_t ticket) { s->expire(ticket); },
      [=](close_atom) {
        auto promise = self->make_response_promise<done_atom>();
        s->close(promise);
        return promise;
      },
  };
}

}  // namespace fp
