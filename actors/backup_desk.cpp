#include "actors/backup_desk.hpp"

#include "actors/backup_stream.hpp"
#include "actors/restore_session.hpp"
#include "actors/spawn_blocking.hpp"
#include "core/backup/backup_writer.hpp"
#include "core/fpindex/snapshot_writer.hpp"

namespace fp {

namespace {

// Small enough that headers and several chunks make a piece.
constexpr size_t chunk_bytes = size_t{64} << 10;

caf::error closing_error() { return make_error(errc::shutting_down, "the node is shutting down"); }

caf::error too_many(const char* what, uint32_t limit) {
  return make_error(errc::overloaded, std::string(what) + ": " + std::to_string(limit) + " run already");
}

}  // namespace

backup_desk_state::~backup_desk_state() {
  for (const auto& [address, restore] : restores) *restore.cancel = true;
}

void backup_desk_state::init(pointer self_ptr, backup_desk_setup setup_values) {
  self = self_ptr;
  setup = std::move(setup_values);
}

caf::result<snapshot_reply> backup_desk_state::open_stream(const stream_task& task) {
  const auto& settings = setup.env->settings;
  if (closing) return closing_error();
  if (streams.size() >= settings.max_snapshot_streams) {
    return too_many("backups", settings.max_snapshot_streams);
  }
  try {
    const auto& index = task.record.name;
    const uint64_t generation = task.record.shown_generation();
    std::shared_ptr<chunk_producer> producer;
    uint64_t total_bytes = 0;
    if (task.format == stream_format::fpindex) {
      producer = std::make_shared<fpindex::snapshot_writer>(task.index, index, generation, chunk_bytes);
    } else {
      const auto held = task.held ? *task.held : std::vector<uint64_t>();
      const auto backup = std::make_shared<backup_writer>(task.index, index, generation, chunk_bytes, held);
      total_bytes = backup->total_bytes();
      producer = backup;
    }
    const auto idle_limit = std::chrono::milliseconds(task.may_expire ? settings.backup_idle_timeout_ms : 0);
    const auto stream = spawn_blocking(
        self, *setup.env, blocking_work::transfers, backup_stream,
        backup_stream_setup{setup.env, producer, index, self->current_sender(), idle_limit, task.owner});
    streams.insert(stream.address());
    return snapshot_reply{stream,
                          generation,
                          task.index->version(),
                          task.index->entries().size(),
                          total_bytes,
                          task.record.part.text()};
  } catch (const std::exception& e) {
    return to_caf_error(e);
  }
}

template <class What>
caf::result<restore_handle> backup_desk_state::open_restore(const What& what, const path& kept) {
  const auto limit = setup.env->settings.max_restores;
  if (closing) return closing_error();
  if (restores.size() + folder_requests >= limit) return too_many("restores", limit);
  // A promise takes the sender out of the message.
  const auto client = self->current_sender();
  auto promise = self->make_response_promise<restore_handle>();
  folder_requests++;
  self->request(setup.catalog, caf::infinite, stage_atom_v, what)
      .then(
          [this, promise, client, kept](const staged_index& staged) mutable {
            folder_requests--;
            auto started = start_restore(staged, client, kept);
            if (started) {
              promise.deliver(*started);
            } else {
              promise.deliver(started.error());
              discard(staged);
            }
          },
          [this, promise](const caf::error& e) mutable {
            folder_requests--;
            promise.deliver(e);
            end_when_idle();
          });
  return promise;
}

caf::expected<restore_handle> backup_desk_state::start_restore(const staged_index& staged,
                                                               const caf::strong_actor_ptr& client,
                                                               const path& kept) {
  if (closing) return closing_error();
  try {
    const auto cancel = std::make_shared<cancel_flag>(false);
    const auto session =
        spawn_blocking(self, *setup.env, blocking_work::transfers, restore_session,
                       restore_setup{setup.env, staged, cancel, setup.node, setup.catalog, client, kept});
    restores.emplace(session.address(), running_restore{staged, cancel});
    setup.env->log->info("{}: a restore begins", staged.record.name);
    return restore_handle(session);
  } catch (const std::exception& e) {
    return to_caf_error(e);
  }
}

void backup_desk_state::child_down(const caf::down_msg& down) {
  const auto address = caf::actor_cast<caf::actor_addr>(down.source);
  streams.erase(address);
  if (const auto it = restores.find(address); it != restores.end()) {
    const auto staged = it->second.staged;
    restores.erase(it);
    discard(staged);
  }
  end_when_idle();
}

void backup_desk_state::discard(const staged_index& staged) {
  folder_requests++;
  const auto done = [this] {
    folder_requests--;
    end_when_idle();
  };
  self->request(setup.catalog, caf::infinite, discard_atom_v, staged)
      .then([done](done_atom) { done(); }, [done](const caf::error&) { done(); });
}

void backup_desk_state::close() {
  closing = true;
  // By handles: CAF names no sender to an address, and then these would not obey.
  const auto end = [this](const caf::actor_addr& who) {
    self->send_exit(caf::actor_cast<caf::actor>(who), caf::exit_reason::user_shutdown);
  };
  for (const auto& stream : streams) end(stream);
  for (const auto& [address, restore] : restores) {
    *restore.cancel = true;
    end(address);
  }
  end_when_idle();
}

void backup_desk_state::end_when_idle() {
  if (closing && streams.empty() && restores.empty() && folder_requests == 0) self->quit();
}

backup_desk_handle::behavior_type backup_desk(backup_desk_state::pointer self, backup_desk_setup setup) {
  auto* s = &self->state;
  keep_exception_text(self);
  const auto parent = caf::actor_cast<caf::actor_addr>(setup.node);
  s->init(self, std::move(setup));
  self->set_down_handler([=](const caf::down_msg& down) { s->child_down(down); });
  // Children end by `child_down`; only who spawned this actor can take it along.
  self->set_exit_handler([=](const caf::exit_msg& e) {
    if (caf::actor_cast<caf::actor_addr>(e.source) == parent) self->quit(e.reason);
  });
  return {
      [=](const stream_task& task) { return s->open_stream(task); },
      [=](const restore_request& request) { return s->open_restore(request, {}); },
      [=](const replica_restore& wanted) { return s->open_restore(wanted, wanted.kept); },
      [=](close_atom) { s->close(); },
  };
}

}  // namespace fp
