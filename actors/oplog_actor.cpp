#include "actors/oplog_actor.hpp"

#include "core/fs/write_probe.hpp"

namespace fp {

namespace {

// A replay builds memory segments of about this many bytes of changes: large enough to search fast, small enough to
// check the cancel flag often.
constexpr size_t replay_slice_bytes = size_t{4} << 20;

// Room that counts as enough for writing to go on: that of many common appends.
constexpr size_t probe_bytes = size_t{1} << 20;

}  // namespace

void oplog_state::open() {
  oplog_opened opened{setup.attempt, {}, {}};
  commit_batch slice;
  size_t slice_bytes = 0;
  const auto build = [&] {
    if (slice.empty()) return;
    opened.segments.push_back(build_memory_segment(slice));
    slice.clear();
    slice_bytes = 0;
  };
  try {
    log = oplog::open(
        *setup.env->fs, setup.folder, {setup.env->settings.oplog_file_bytes}, setup.after,
        [&](commit&& c) {
          slice_bytes += c.changes->size();
          slice.push_back(std::move(c));
          if (slice_bytes >= replay_slice_bytes) build();
        },
        opened.report, setup.cancel.get());
    build();
    self->send(setup.listener, std::move(opened));
  } catch (const std::exception& e) {
    self->send(setup.listener, load_failed{setup.attempt, to_caf_error(e)});
  }
}

caf::result<uint64_t> oplog_state::append(const commit_batch_ptr& batch) {
  if (!log) return make_error(errc::read_only, "the log is not open");
  if (log->is_broken()) return make_error(errc::read_only, "the log is damaged; reload the index");
  try {
    if (batch->empty()) {
      probe_writing(*setup.env->fs, setup.folder, probe_bytes);
    } else {
      log->append(*batch);
    }
    return log->num_bytes();
  } catch (const std::exception& e) {
    return to_caf_error(e);
  }
}

caf::result<uint64_t> oplog_state::truncate(commit_id durable) {
  if (!log) return make_error(errc::read_only, "the log is not open");
  try {
    log->truncate(durable);
  } catch (const std::exception& e) {
    // The files stay; the next checkpoint tries again.
    setup.env->log->warn("{}: truncating the log: {}", setup.index, e.what());
  }
  return log->num_bytes();
}

caf::result<done_atom> oplog_state::close() {
  try {
    if (log) log->close();
    log.reset();
    return done_atom_v;
  } catch (const std::exception& e) {
    return to_caf_error(e);
  }
}

oplog_handle::behavior_type oplog_actor(oplog_handle::stateful_pointer<oplog_state> self, oplog_setup setup) {
  keep_exception_text(self);
  self->state.self = self;
  self->state.setup = std::move(setup);
  self->send(oplog_handle(self), next_atom_v);
  return {
      [=](next_atom) { self->state.open(); },
      [=](append_atom, const commit_batch_ptr& batch) { return self->state.append(batch); },
      [=](truncate_atom, commit_id durable) { return self->state.truncate(durable); },
      [=](close_atom) { return self->state.close(); },
  };
}

}  // namespace fp
