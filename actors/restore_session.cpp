#include "actors/restore_session.hpp"

namespace fp {

namespace {

caf::error ended_error() { return make_error(errc::bad_request, "backup: nothing more is taken"); }

}  // namespace

void restore_session_state::init(pointer self_ptr, restore_setup setup_values) {
  self = self_ptr;
  setup = std::move(setup_values);
  if (setup.client) self->monitor(setup.client);
  restorer = std::make_unique<backup_restorer>(*setup.env->fs, setup.staged.folders, setup.cancel.get());
  idle.start(self, private_restore_handle(self),
             std::chrono::milliseconds(setup.env->settings.backup_idle_timeout_ms));
}

template <class Reply>
void restore_session_state::refuse(caf::typed_response_promise<Reply> promise, const caf::error& why) {
  keep_segments();
  restorer.reset();
  auto answer = [=, this]() mutable {
    promise.deliver(why);
    give_up(why);
  };
  self->request(setup.catalog, caf::infinite, discard_atom_v, setup.staged)
      .then([answer](done_atom) mutable { answer(); }, [answer](const caf::error&) mutable { answer(); });
}

caf::result<done_atom> restore_session_state::take(const backup_piece& piece) {
  auto promise = self->make_response_promise<done_atom>();
  if (!restorer) {
    promise.deliver(ended_error());
    return promise;
  }
  try {
    if (piece.bytes.empty() || piece.bytes.size() > max_backup_piece) {
      throw error(errc::bad_request, "backup: a piece of " + std::to_string(piece.bytes.size()) + " bytes; 1 to " +
                                         std::to_string(max_backup_piece) + " are allowed");
    }
    if (piece.offset != restorer->offset()) {
      throw error(errc::bad_request, "backup: a piece at offset " + std::to_string(piece.offset) +
                                         ", expected offset " + std::to_string(restorer->offset()));
    }
    restorer->update(std::as_bytes(std::span(piece.bytes)));
    idle.heard(self);
    promise.deliver(done_atom_v);
  } catch (const std::exception& e) {
    refuse(promise, to_caf_error(e));
  }
  return promise;
}

caf::result<restore_reply> restore_session_state::finish() {
  auto promise = self->make_response_promise<restore_reply>();
  if (!restorer) {
    promise.deliver(ended_error());
    return promise;
  }
  try {
    const auto header = restorer->finish();
    restorer.reset();
    publish(promise, header);
  } catch (const std::exception& e) {
    refuse(promise, to_caf_error(e));
  }
  return promise;
}

void restore_session_state::keep_segments() {
  if (!restorer || setup.kept.empty()) return;
  const auto why = capture_error([this] { restorer->move_segments(setup.kept); });
  if (why) setup.env->log->warn("{}: keeping whole segments: {}", setup.staged.record.name, text_of(why));
}

void restore_session_state::publish(caf::typed_response_promise<restore_reply> promise,
                                    const backup_format::stream_header& header) {
  self->request(setup.node, caf::infinite, publish_atom_v, setup.staged)
      .then(
          [=, this](done_atom) mutable {
            promise.deliver(restore_reply{setup.staged.record.generation, header.index_name, header.generation,
                                          header.index_version, header.num_segments, header.num_bytes});
            self->quit();
          },
          [=, this](const caf::error& why) { refuse(promise, why); });
}

void restore_session_state::give_up(const caf::error& why) {
  setup.env->log->warn("{}: not restored: {}", setup.staged.record.name, text_of(why));
  self->quit();
}

void restore_session_state::expire() {
  // From here on it waits for the node, not for the client.
  if (!restorer || !idle.expired(self, private_restore_handle(self))) return;
  give_up(make_error(errc::request_timeout,
                     "the client was silent for " + std::to_string(idle.limit().count()) + " ms"));
}

private_restore_handle::behavior_type restore_session(restore_session_state::pointer self, restore_setup setup) {
  auto* s = &self->state;
  keep_exception_text(self);
  self->set_down_handler(
      [=](const caf::down_msg&) { s->give_up(make_error(errc::cancelled, "the client went away")); });
  s->init(self, std::move(setup));
  return {
      [=](const backup_piece& piece) { return s->take(piece); },
      [=](finish_atom) { return s->finish(); },
      [=](close_atom) {
        s->keep_segments();
        s->give_up(make_error(errc::cancelled, "the client gave it up"));
      },
      [=](tick_atom) { s->expire(); },
  };
}

}  // namespace fp
