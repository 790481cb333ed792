#include <utility>
#include <vector>

#include "actors/base_loader.hpp"
#include "core/backup/backup_format.hpp"

namespace fp {

namespace {

// Until a restore is asked for again that may not begin yet.
constexpr std::chrono::milliseconds restore_retry{200};

/// Reads until `out` is full or the stream has ended; returns how much there is.
size_t read_fully(base_stream& from, std::span<std::byte> out, steady_clock::time_point deadline) {
  size_t count = 0;
  while (count < out.size()) {
    const size_t n = from.read(out.subspan(count), silence_deadline(deadline));
    if (n == 0) break;
    count += n;
  }
  return count;
}

}  // namespace

void base_loader_state::begin(std::unique_ptr<base_stream> from) {
  stream = std::move(from);
  first.resize(backup_format::stream_header_bytes);
  if (read_fully(*stream, std::as_writable_bytes(std::span(first)), deadline) < first.size()) {
    throw error(errc::unreachable, "the answer ended at once");
  }
  const auto header = backup_format::decode_stream_header(
      std::as_bytes(std::span(first)).first<backup_format::stream_header_bytes>());
  if (header.generation != setup.of.generation || header.index_name != setup.of.index) {
    throw error(errc::corrupt_data, "sends " + to_string(lineage{header.index_name, header.generation}));
  }
  if (setup.wish == base_wish::at_start && header.index_version == setup.after && header.num_segments == 0) {
    fail("");
    return;
  }
  // Everything may be at position 0.
  const bool is_no_further =
      now_from == source::peer ? header.index_version <= setup.after : header.index_version < setup.after;
  if (is_no_further || header.index_version < need.floor) {
    throw error(errc::corrupt_data, "sends version " + std::to_string(header.index_version));
  }
  setup.env->log->info("{}: takes version {}, {} bytes, from {}", setup.of.index, header.index_version,
                       header.num_bytes, current.url);
  offset = 0;
  total = header.num_bytes;
  take_restore();
}

void base_loader_state::take_restore() {
  const path kept = keeps_segments ? folder("held") : path();
  self->request(setup.restores, caf::infinite, replica_restore{setup.of, setup.replaced, kept, setup.part})
      .then(
          [this](const restore_handle& restore) {
            session = restore;
            self->monitor(session);
            send_piece();
          },
          [this](const caf::error& e) {
            // The restore before this one is still being cleared away, or there are as many as may be.
            const auto code = code_of(e);
            const bool passes = code == errc::index_already_exists || code == errc::overloaded;
            if (!passes || steady_clock::now() >= deadline) {
              fail(text_of(e));
              return;
            }
            self->delayed_send(base_loader_handle(self), restore_retry, next_atom_v);
          });
}

void base_loader_state::send_piece() {
  backup_piece piece;
  piece.offset = offset;
  try {
    piece.bytes = std::exchange(first, {});
    const size_t known = piece.bytes.size();
    piece.bytes.resize(max_backup_piece);
    const auto rest = std::as_writable_bytes(std::span(piece.bytes)).subspan(known);
    piece.bytes.resize(known + read_fully(*stream, rest, deadline));
  } catch (const std::exception& e) {
    give_up_donor(e.what());
    return;
  }
  if (piece.bytes.empty()) {
    finish();
    return;
  }
  offset += piece.bytes.size();
  if (now_from == source::peer) tell_progress(offset, total);
  self->request(session, caf::infinite, std::move(piece))
      .then([this](done_atom) { send_piece(); }, [this](const caf::error& e) { give_up_donor(text_of(e)); });
}

void base_loader_state::finish() {
  finishing = true;
  self->request(session, caf::infinite, finish_atom_v)
      .then(
          [this](const restore_reply&) {
            stream.reset();
            const auto why = capture_error([this] { setup.env->fs->remove_all(folder("").parent_path()); });
            if (why) setup.env->log->warn("{}: {}", setup.of.index, text_of(why));
            self->quit();
          },
          [this](const caf::error& e) { give_up_donor(text_of(e)); });
}

}  // namespace fp
