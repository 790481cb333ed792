#include "actors/backup_stream.hpp"

namespace fp {

void backup_stream_state::init(pointer self_ptr, backup_stream_setup setup_values) {
  self = self_ptr;
  setup = std::move(setup_values);
  if (setup.client) self->monitor(setup.client);
  idle.start(self, private_stream_handle(self), setup.idle_limit);
}

backup_piece backup_stream_state::next_piece() {
  auto& producer = *setup.producer;
  backup_piece piece;
  piece.offset = producer.num_bytes();
  while (piece.bytes.size() + producer.max_chunk_bytes() <= max_backup_piece) {
    const auto chunk = producer.next();
    if (chunk.empty()) break;
    const auto* bytes = reinterpret_cast<const uint8_t*>(chunk.data());
    piece.bytes.insert(piece.bytes.end(), bytes, bytes + chunk.size());
  }
  return piece;
}

caf::result<backup_piece> backup_stream_state::next() {
  auto promise = self->make_response_promise<backup_piece>();
  asked.push_back(promise);
  if (asked.size() == 1) work();
  return promise;
}

void backup_stream_state::work() {
  if (asked.empty()) return;
  try {
    auto piece = next_piece();
    idle.heard(self);
    if (piece.bytes.empty() && !setup.producer->at_end()) {
      self->send(private_stream_handle(self), work_atom_v);
      return;
    }
    if (piece.bytes.empty()) self->quit();
    asked.front().deliver(std::move(piece));
    asked.pop_front();
    if (!asked.empty()) self->send(private_stream_handle(self), work_atom_v);
  } catch (const std::exception& e) {
    const auto why = to_caf_error(e);
    setup.env->log->error("{}: a backup was broken off: {}", setup.index, text_of(why));
    // A backup reads nothing but segments.
    if (setup.owner && code_of(why) == errc::io_error) self->send(setup.owner, unreadable_atom_v);
    for (auto& promise : asked) promise.deliver(why);
    asked.clear();
    self->quit();
  }
}

void backup_stream_state::expire() {
  if (!idle.expired(self, private_stream_handle(self))) return;
  setup.env->log->warn("{}: a backup ends because its client was silent for {} ms", setup.index,
                       idle.limit().count());
  self->quit();
}

private_stream_handle::behavior_type backup_stream(backup_stream_state::pointer self, backup_stream_setup setup) {
  auto* s = &self->state;
  keep_exception_text(self);
  self->set_down_handler([=](const caf::down_msg&) { self->quit(); });
  s->init(self, std::move(setup));
  return {
      [=](next_atom) { return s->next(); },
      [=](close_atom) { self->quit(); },
      [=](tick_atom) { s->expire(); },
      [=](work_atom) { s->work(); },
  };
}

}  // namespace fp
