#include "actors/oplog_actor.hpp"

#include <algorithm>

#include "actors/blocking_pools.hpp"
#include "actors/slice_builder.hpp"
#include "core/fs/write_probe.hpp"

namespace fp {

namespace {

// More builders than this would take memory for little: one thread reads for all of them.
constexpr uint32_t max_builders = 4;

// Room that counts as enough for writing to go on: that of many common appends.
constexpr size_t probe_bytes = size_t{1} << 20;

}  // namespace

// -- Replay
// ---------------------------------------------------------------------------------------------------------

oplog_state::replay::replay(const oplog_setup& setup)
    : reader(*setup.env->fs, setup.folder, setup.after, setup.cancel.get(), setup.slice_bytes) {}

void oplog_state::start_opening() {
  opening = std::make_unique<replay>(setup);
  advance();
}

void oplog_state::advance() {
  try {
    do {
      read_slice();
    } while (hand_out());
    if (opening->all_read && opening->num_building == 0) finish_opening();
  } catch (const std::exception& e) {
    fail_opening(to_caf_error(e));
  }
}

void oplog_state::read_slice() {
  auto& o = *opening;
  if (o.ready || o.all_read) return;
  std::shared_ptr<log_slice> slice;
  if (o.unused.empty()) {
    slice = std::make_shared<log_slice>();
  } else {
    slice = std::move(o.unused.back());
    o.unused.pop_back();
  }
  const open_files::place place(*setup.env->files);
  if (o.reader.next(*slice)) {
    o.ready = std::move(slice);
  } else {
    o.all_read = true;
  }
}

bool oplog_state::hand_out() {
  auto& o = *opening;
  if (!o.ready) return false;
  if (o.idle.empty()) {
    if (o.builders.size() >= std::min(num_searchers(setup.env->settings), max_builders)) return false;
    o.idle.push_back(self->spawn<caf::linked>(slice_builder));
    o.builders.push_back(o.idle.back());
  }
  const auto builder = std::move(o.idle.back());
  o.idle.pop_back();
  const auto slice = std::move(o.ready);
  const auto position = o.segments.size();
  o.segments.emplace_back();
  o.num_building++;
  self->request(builder, caf::infinite, build_atom_v, log_slice_ptr(slice))
      .then([=, this](const segment_ptr& segment) { built(position, slice, builder, segment); },
            [this](const caf::error& e) { fail_opening(e); });
  return true;
}

void oplog_state::built(size_t position, const std::shared_ptr<log_slice>& slice,
                        const slice_builder_handle& builder, const segment_ptr& segment) {
  if (!opening) return;
  auto& o = *opening;
  o.num_building--;
  o.segments[position] = segment;
  o.unused.push_back(slice);
  o.idle.push_back(builder);
  advance();
}

void oplog_state::finish_opening() {
  oplog_opened opened{setup.attempt, std::move(opening->segments), {}};
  log = oplog::open(std::move(opening->reader), {setup.env->settings.oplog_file_bytes, setup.env->files},
                    opened.report);
  end_opening();
  self->send(setup.listener, std::move(opened));
}

void oplog_state::fail_opening(const caf::error& why) {
  if (!opening) return;
  end_opening();
  self->send(setup.listener, load_failed{setup.attempt, why});
}

void oplog_state::end_opening() {
  for (const auto& builder : opening->builders) {
    self->unlink_from(builder);
    self->send_exit(builder, caf::exit_reason::user_shutdown);
  }
  opening.reset();
}

// -- Requests
// -------------------------------------------------------------------------------------------------------

caf::result<uint64_t> oplog_state::append(const commit_batch_ptr& batch) {
  if (!log) return make_error(errc::read_only, "the log is not open");
  if (log->is_broken()) return make_error(errc::read_only, "the log is damaged; reload the index");
  try {
    if (batch->empty()) {
      const open_files::place place(*setup.env->files);
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
    if (opening) end_opening();
    if (log) log->close();
    log.reset();
    return done_atom_v;
  } catch (const std::exception& e) {
    return to_caf_error(e);
  }
}

oplog_handle::behavior_type oplog_actor(oplog_state::pointer self, oplog_setup setup) {
  keep_exception_text(self);
  self->state.self = self;
  self->state.setup = std::move(setup);
  self->send(oplog_handle(self), next_atom_v);
  return {
      [=](next_atom) { self->state.start_opening(); },
      [=](append_atom, const commit_batch_ptr& batch) { return self->state.append(batch); },
      [=](truncate_atom, commit_id durable) { return self->state.truncate(durable); },
      [=](close_atom) { return self->state.close(); },
  };
}

}  // namespace fp
