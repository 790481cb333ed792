#include <algorithm>
#include <utility>
#include <vector>

#include "actors/index_coordinator.hpp"
#include "messages/index_info.hpp"

namespace fp {

caf::error index_coordinator_state::not_ready_error() const {
  switch (state) {
    case index_state::failed:
      return make_error(errc::index_failed, "index " + index_name() + " has failed: " + reason);
    case index_state::closing:
      return make_error(errc::shutting_down, "index " + index_name() + " is being closed");
    default: {
      if (awaits_folder || filling) {
        return make_error(errc::index_not_ready, "index " + index_name() + " is loading: " + reason);
      }
      const auto p = tracker.progress(now());
      return make_error(errc::index_not_ready, "index " + index_name() +
                                                   " is loading: " + std::to_string(p.segments_done) + " of " +
                                                   std::to_string(p.segments_total) + " segments");
    }
  }
}

void index_coordinator_state::wait_for_ready(uint32_t wait_ms, waiting_request request) {
  if (waiting.size() >= env->settings.max_waiting_requests) {
    request.refuse(make_error(errc::overloaded, std::to_string(waiting.size()) + " requests wait for index " +
                                                    index_name() + " already"));
    return;
  }
  const auto ticket = next_ticket++;
  waiting.emplace(ticket, std::move(request));
  note_queues();
  const auto wait = std::chrono::milliseconds(std::min(wait_ms, env->settings.max_ready_wait_ms));
  self->delayed_send(index_coordinator_handle(self), wait, expire_atom_v, ticket);
}

void index_coordinator_state::wait_for_version(commit_id version, uint32_t wait_ms, waiting_request request) {
  if (version_waits.size() >= env->settings.max_waiting_requests) {
    request.refuse(make_error(errc::overloaded, std::to_string(version_waits.size()) +
                                                    " requests wait for versions of index " + index_name() +
                                                    " already"));
    return;
  }
  const auto ticket = next_ticket++;
  version_waits.emplace(ticket, version_wait{version, std::move(request)});
  if (follower) self->send(follower, watch_atom_v, version);
  const auto most = env->settings.max_ready_wait_ms;
  const auto wait = std::chrono::milliseconds(wait_ms == 0 ? most : std::min(wait_ms, most));
  self->delayed_send(index_coordinator_handle(self), wait, expire_atom_v, ticket);
}

void index_coordinator_state::answer_version_waits() {
  if (!is_serving()) return;
  std::vector<waiting_request> ready;
  for (auto it = version_waits.begin(); it != version_waits.end();) {
    if (it->second.version > current()->version()) {
      ++it;
      continue;
    }
    ready.push_back(std::move(it->second.request));
    it = version_waits.erase(it);
  }
  for (const auto& request : ready) request.serve();
}

void index_coordinator_state::answer_waiting() {
  auto ready = std::exchange(waiting, {});
  note_queues();
  for (auto& [ticket, request] : ready) {
    // The index may fail with any of them.
    if (is_serving()) {
      request.serve();
    } else {
      request.refuse(not_ready_error());
    }
  }
}

void index_coordinator_state::refuse_waiting(const caf::error& why) {
  auto refused = std::exchange(waiting, {});
  if (!refused.empty()) note_queues();
  for (auto& [ticket, request] : refused) request.refuse(why);
  for (auto& [ticket, wait] : std::exchange(version_waits, {})) wait.request.refuse(why);
}

void index_coordinator_state::expire(uint64_t ticket) {
  if (const auto late = version_waits.extract(ticket)) {
    late.mapped().request.refuse(make_error(errc::replication_timeout, "index " + index_name() + " is at version " +
                                                                           std::to_string(current()->version()) +
                                                                           ", not yet at " +
                                                                           std::to_string(late.mapped().version)));
    return;
  }
  const auto it = waiting.find(ticket);
  if (it == waiting.end()) return;
  const auto request = std::move(it->second);
  waiting.erase(it);
  note_queues();
  request.refuse(not_ready_error());
}

void index_coordinator_state::stream_backup(caf::typed_response_promise<snapshot_reply>& promise,
                                            const local_snapshot_request& request, bool may_expire) {
  if (const auto why = no_donor_error(request.for_node, request.part)) {
    promise.deliver(why);
    return;
  }
  // Who asks for that takes it for all of the index.
  if (request.format == stream_format::fpindex && !part().is_whole()) {
    promise.deliver(
        make_error(errc::read_only, "index " + index_name() + ": only slice " + part().text() + " of it is here"));
    return;
  }
  promise.delegate(setup.backups, stream_task{current(), setup.record, request.format, may_expire,
                                              unreadable_listener(index_coordinator_handle(self)), request.held});
}

index_info index_coordinator_state::info() const { return info_of(*current()); }

slice_status index_coordinator_state::held_slice() const {
  slice_status out;
  out.node = env->settings.cluster.node_name;
  out.instance = env->instance;
  out.generation = setup.record.shown_generation();
  out.slice = part().text();
  out.state = state;
  out.reason = reason;
  out.info = info();
  out.info.metadata.clear();
  out.behind_ms = replica_state_now().behind_ms;
  out.queued_searches = queued_searches();
  out.is_draining = env->is_draining->load();
  return out;
}

caf::error index_coordinator_state::not_in_slices() const {
  return make_error(errc::bad_request, "index " + index_name() + " is not in slices");
}

segment_list index_coordinator_state::segments() const {
  segment_list out;
  for (const auto& e : current()->entries()) {
    const auto& i = e.segment->info();
    out.segments.push_back({e.segment->is_memory(), i.first_commit, i.last_commit, e.live_documents, i.num_postings,
                            i.num_bytes, i.min_document, i.max_document});
  }
  return out;
}

index_status index_coordinator_state::status() const {
  index_status s;
  s.name = index_name();
  s.generation = setup.record.shown_generation();
  s.state = state;
  s.reason = reason;
  s.cause = cause;
  s.version = current()->version();
  s.file_version = current()->file_version();
  s.loading = tracker.progress(now());
  const auto stats = current()->stats();
  s.num_documents = stats.num_documents;
  s.num_bytes = stats.num_bytes;
  s.num_file_segments = static_cast<uint32_t>(stats.num_segments - stats.num_memory_segments);
  s.num_memory_segments = static_cast<uint32_t>(stats.num_memory_segments);
  s.memory_postings = stats.memory_postings;
  s.oplog_bytes = oplog_bytes;
  s.searches = num_searches + direct->num_searches();
  s.updates = engine->counts().updates;
  s.checkpoints = engine->counts().checkpoints;
  s.memory_merges = engine->counts().memory_merges;
  s.file_merges = engine->counts().file_merges;
  s.queued_searches = queued_searches();
  s.queued_updates = static_cast<uint32_t>(engine->num_updates());
  s.waiting_requests = static_cast<uint32_t>(waiting.size());
  s.checkpoint_running = engine->planner().is_running(upkeep_kind::checkpoint);
  s.merge_running = engine->planner().is_running(upkeep_kind::file_merge) ||
                    engine->planner().is_running(upkeep_kind::memory_merge);
  s.upkeep_error = engine->planner().errors();
  s.damaged_segments = static_cast<uint32_t>(damage.size());
  s.damage = damage.first();
  s.unverified_segments = unverified_segments;
  s.replica = replica_state_now();
  return s;
}

void index_coordinator_state::note_queues() {
  metrics->set_queued_updates(engine->num_updates());
  metrics->set_waiting_requests(waiting.size());
}

}  // namespace fp
