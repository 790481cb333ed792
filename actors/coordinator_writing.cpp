#include "actors/index_coordinator.hpp"

namespace fp {

namespace {

// Indexing less takes no longer than to wake another thread.
constexpr size_t min_bulk_bytes = size_t{64} << 10;

size_t bytes_of(const commit_batch& commits) {
  size_t sum = 0;
  for (const auto& c : commits) sum += c.changes->size();
  return sum;
}

}  // namespace

void index_coordinator_state::update(caf::typed_response_promise<update_reply>& promise, update_request request) {
  enqueue_update(promise, local_update{checked_changes(std::move(request.changes),
                                                       {.max_bytes = env->settings.max_update_bytes}),
                                       request.expected_version});
}

void index_coordinator_state::enqueue_update(caf::typed_response_promise<update_reply>& promise,
                                             const local_update& update) {
  if (const auto why = write_hindrance()) {
    metrics->updates_failed(why->code());
    promise.deliver(to_caf_error(*why));
    return;
  }
  if (is_replica() && setup.feed) {
    promise.delegate(follower, update);
    return;
  }
  const auto number = ++num_updates;
  writers.emplace(number, waiting_writer{promise});
  try {
    update.changes.require_valid();
    queued_update queued{number, update.changes.bytes(), std::nullopt};
    if (update.expected_version) queued.expected_version = *update.expected_version;
    tell_engine([&](index_engine& e) { e.update(std::move(queued), now()); });
  } catch (const error& e) {
    refuse(number, e);
  }
}

void index_coordinator_state::append(uint64_t batch, const commit_batch_ptr& commits) {
  self->request(log, caf::infinite, append_atom_v, commits)
      .then(
          [=, this](uint64_t log_bytes) {
            set_oplog_bytes(log_bytes);
            tell_engine([&](index_engine& e) { e.log_appended(batch, now()); });
          },
          [=, this](const caf::error& why) {
            tell_engine([&](index_engine& e) { e.log_failed(batch, to_core_error(why), now()); });
          });
}

void index_coordinator_state::build(uint64_t batch, const commit_batch_ptr& commits) {
  self->request(bytes_of(*commits) < min_bulk_bytes ? builder : bulk_builder, caf::infinite, build_atom_v, commits)
      .then(
          [=, this](const segment_ptr& segment) {
            tell_engine([&](index_engine& e) { e.segment_built(batch, segment, now()); });
          },
          [=, this](const caf::error& why) {
            tell_engine([&](index_engine& e) { e.build_failed(batch, to_core_error(why), now()); });
          });
}

void index_coordinator_state::probe_log() {
  const auto done = [this, attempt = attempts](bool works) {
    if (attempt != attempts) return;
    tell_engine([&](index_engine& e) {
      if (e.log_probed(works, now())) env->log->info("{}: the log can be written to again", index_name());
    });
  };
  self->request(log, caf::infinite, append_atom_v, std::make_shared<const commit_batch>())
      .then([done](uint64_t) { done(true); }, [done](const caf::error&) { done(false); });
}

void index_coordinator_state::accept(uint64_t update, commit_id version) {
  auto writer = std::move(writers.extract(update).mapped());
  metrics->updated(steady_clock::now() - writer.received);
  writer.promise.deliver(update_reply{version});
}

void index_coordinator_state::refuse(uint64_t update, const error& why) {
  auto writer = std::move(writers.extract(update).mapped());
  metrics->updates_failed(why.code());
  writer.promise.deliver(to_caf_error(why));
}

void index_coordinator_state::hindrance_changed(const error* why) {
  if (why == nullptr) {
    env->log->info("{}: read-only no more", index_name());
    log_hindrance.clear();
  } else {
    env->log->error("{}: read-only: {}", index_name(), why->what());
    log_hindrance = why->what();
  }
  if (is_serving() || filling) show_served_state();
}

void index_coordinator_state::serving_changed(bool maps_new_files) {
  if (maps_new_files) warm->forget();
  offer_direct_search();
  metrics->set_snapshot(current());
  if (!damage.empty()) forget_damage();
  if (unverified_segments > 0) count_unverified();
}

void index_coordinator_state::block_writes(const std::string& why) {
  tell_engine([&](index_engine& e) { e.block_writes(why); });
}

void index_coordinator_state::set_oplog_bytes(uint64_t bytes) {
  oplog_bytes = bytes;
  metrics->set_oplog_bytes(bytes);
}

}  // namespace fp
