#include "actors/index_coordinator.hpp"

namespace fp {

namespace {

// A batch takes what is queued up to these bounds: large enough that one sync serves many writers, small enough
// that the first writer of a batch does not wait long for the last.
constexpr size_t max_batch_updates = 1024;
constexpr size_t max_batch_bytes = size_t{8} << 20;

}  // namespace

void index_coordinator_state::update(caf::typed_response_promise<update_reply>& promise, update_request request) {
  enqueue_update(promise, local_update{checked_changes(std::move(request.changes),
                                                       {.max_bytes = env->settings.max_update_bytes}),
                                       request.expected_version});
}

void index_coordinator_state::enqueue_update(caf::typed_response_promise<update_reply>& promise,
                                             const local_update& update) {
  const auto& settings = env->settings;
  auto refused = capture_error([&] {
    update.changes.require_valid();
    if (pending.size() >= settings.max_queued_updates ||
        pending_bytes + update.changes.size() > settings.max_queued_update_bytes) {
      throw error(errc::overloaded,
                  "index " + index_name() + ": " + std::to_string(pending.size()) + " updates are queued already");
    }
  });
  if (!refused && write_block) refused = write_block;
  if (refused) {
    metrics->updates_failed(code_of(refused));
    promise.deliver(std::move(refused));
    return;
  }
  pending_bytes += update.changes.size();
  pending.push_back({update.changes.bytes(), update.expected_version, promise});
  start_batch();
  note_queues();
}

void index_coordinator_state::start_batch() {
  if (batch) return;
  // When the index is closed, there is no upkeep any more to wait for.
  if (!pending.empty() && state != index_state::closing) {
    switch (planner->may_write(served)) {
      case writers::go:
        break;
      case writers::refused:
        refuse_pending(memory_error());
        return;
      case writers::wait:
        schedule_maintenance();
        return;
    }
  }
  auto next = std::make_unique<batch_in_flight>();
  commit_batch commits;
  size_t bytes = 0;
  while (!pending.empty() && commits.size() < max_batch_updates && bytes < max_batch_bytes) {
    auto u = std::move(pending.front());
    pending.pop_front();
    pending_bytes -= u.changes->size();
    const auto version = commits.empty() ? current->version() : commits.back().id;
    if (u.expected_version && *u.expected_version != version) {
      metrics->updates_failed(errc::version_mismatch);
      // Told only when the commits that it was compared with are durable.
      next->refused.emplace_back(
          u.promise,
          make_error(errc::version_mismatch, "index " + index_name() + " is at version " + std::to_string(version) +
                                                 ", not " + std::to_string(*u.expected_version)));
      continue;
    }
    const auto id = order->next(version);
    if (!id) {
      metrics->updates_failed(errc::read_only);
      next->refused.emplace_back(
          u.promise, make_error(errc::read_only, "index " + index_name() + " is at version " +
                                                     std::to_string(version) + ", the last one that there can be"));
      continue;
    }
    bytes += u.changes->size();
    commits.push_back({version, *id, u.changes});
    next->updates.push_back(std::move(u));
  }
  if (commits.empty()) {
    for (auto& [promise, why] : next->refused) promise.deliver(why);
    return;
  }
  next->number = ++batches;
  next->commits = std::make_shared<const commit_batch>(std::move(commits));
  batch = std::move(next);
  // The answers of a batch that has been given up are not those of the next one.
  const auto number = batch->number;
  const auto is_current_batch = [this, number] { return batch && batch->number == number; };
  self->request(log, caf::infinite, append_atom_v, batch->commits)
      .then(
          [=, this](uint64_t log_bytes) {
            set_oplog_bytes(log_bytes);
            if (!is_current_batch()) return;
            batch->durable = true;
            batch_step();
          },
          [=, this](const caf::error& e) {
            if (is_current_batch()) fail_batch(e);
          });
  self->request(builder, caf::infinite, build_atom_v, batch->commits)
      .then(
          [=, this](const segment_ptr& built) {
            if (!is_current_batch()) return;
            batch->segment = built;
            batch_step();
          },
          [=, this](const caf::error& e) {
            if (!is_current_batch()) return;
            // The log may hold these commits by now: only a replay can make log and memory agree again.
            block_writes("indexing a commit failed (" + text_of(e) + "); reload the index");
            fail_batch(write_block);
          });
}

void index_coordinator_state::batch_step() {
  if (!batch->durable || !batch->segment) return;
  const auto done = std::move(batch);
  // During a reload, and before one, the replay brings these commits.
  if (is_serving() || state == index_state::closing) {
    uint64_t bytes = 0;
    for (const auto& c : *done->commits) bytes += c.changes->size();
    serve_snapshot(current->with_added(done->segment), files);
    planner->committed(done->commits->size(), bytes, now());
  }
  counters.updates += done->updates.size();
  const auto answered = steady_clock::now();
  for (size_t i = 0; i < done->updates.size(); i++) {
    metrics->updated(answered - done->updates[i].received);
    done->updates[i].promise.deliver(update_reply{(*done->commits)[i].id});
  }
  for (auto& [promise, why] : done->refused) promise.deliver(why);
  log_fails = false;
  schedule_maintenance();
  update_write_state();
  start_batch();
  note_queues();
  continue_closing();
}

void index_coordinator_state::give_up_batch(const caf::error& why) {
  const auto failed = std::move(batch);
  if (!failed) return;
  metrics->updates_failed(code_of(why), failed->updates.size());
  note_queues();
  for (auto& u : failed->updates) u.promise.deliver(why);
  for (auto& [promise, mismatch] : failed->refused) promise.deliver(why);
}

void index_coordinator_state::fail_batch(const caf::error& cause) {
  // For writers it is an index that takes no writes now, whatever its disk says.
  const bool is_of_disk = code_of(cause) == errc::io_error || code_of(cause) == errc::no_space;
  const auto why = is_of_disk ? make_error(errc::read_only, text_of(cause)) : cause;
  give_up_batch(why);
  refuse_pending(why);
  if (is_serving() && reason != text_of(why)) {
    env->log->error("{}: read-only: {}", index_name(), text_of(why));
    set_state(index_state::read_only, text_of(why));
  }
  log_fails = true;
  if (is_serving() && !write_block && !probe_at && !probing) {
    probe_at = now() + retry_delay;
    arm_timer();
  }
  continue_closing();
}

void index_coordinator_state::probe_log() {
  if (!probe_at || *probe_at > now() || probing) return;
  probe_at = caf::none;
  if (!log_fails || state != index_state::read_only || write_block || batch) return;
  probing = true;
  const auto attempt = attempts;
  self->request(log, caf::infinite, append_atom_v, std::make_shared<const commit_batch>())
      .then(
          [=, this](uint64_t) {
            probing = false;
            if (attempt != attempts || !log_fails || write_block || batch) return;
            env->log->info("{}: the log can be written to again", index_name());
            log_fails = false;
            update_write_state();
          },
          [=, this](const caf::error&) {
            probing = false;
            if (attempt != attempts || !log_fails || write_block) return;
            probe_at = now() + retry_delay;
            arm_timer();
          });
}

void index_coordinator_state::block_writes(const std::string& why) {
  write_block = make_error(errc::read_only, "index " + index_name() + ": " + why);
  if (is_serving()) {
    env->log->error("{}: read-only: {}", index_name(), why);
    set_state(index_state::read_only, why);
  }
  refuse_pending(write_block);
}

caf::error index_coordinator_state::memory_error() const {
  return make_error(errc::read_only, "index " + index_name() + ": memory is full and cannot be written out: " +
                                         planner->state_of(upkeep_kind::checkpoint).error());
}

void index_coordinator_state::update_write_state() {
  if (!is_serving() || write_block || log_fails) return;
  const bool is_stuck = planner->may_write(served) == writers::refused;
  if (!is_stuck && state == index_state::read_only) {
    set_state(index_state::ready, "");
  } else if (is_stuck) {
    const auto why = memory_error();
    if (state == index_state::ready) env->log->error("{}: read-only: {}", index_name(), text_of(why));
    if (state == index_state::ready || reason != text_of(why)) set_state(index_state::read_only, text_of(why));
    refuse_pending(why);
  }
}

void index_coordinator_state::refuse_pending(const caf::error& why) {
  pending_bytes = 0;
  if (pending.empty()) return;
  metrics->updates_failed(code_of(why), pending.size());
  for (auto& u : std::exchange(pending, {})) u.promise.deliver(why);
  note_queues();
}

void index_coordinator_state::set_oplog_bytes(uint64_t bytes) {
  oplog_bytes = bytes;
  metrics->set_oplog_bytes(bytes);
}

}  // namespace fp
