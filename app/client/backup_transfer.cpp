#include <deque>
#include <memory>

#include "app/client/client.hpp"
#include "app/client/client_ask.hpp"
#include "core/backup/backup_reader.hpp"

namespace fp {

namespace {

/// Ends a node's part in a transfer when ours ends.
template <class Handle>
class job_end {
 public:
  explicit job_end(Handle job) : job_(std::move(job)) {}
  job_end(const job_end&) = delete;
  job_end& operator=(const job_end&) = delete;
  ~job_end() { caf::anon_send(job_, close_atom_v); }

 private:
  Handle job_;
};

/// Reads until the piece is full or there is no more.
std::vector<uint8_t> read_piece(const backup_source& source) {
  std::vector<uint8_t> bytes(max_backup_piece);
  size_t done = 0;
  while (done < bytes.size()) {
    const size_t count = source(std::as_writable_bytes(std::span(bytes)).subspan(done));
    if (count == 0) break;
    done += count;
  }
  bytes.resize(done);
  return bytes;
}

}  // namespace

backup_format::stream_header client::snapshot(const std::string& index, const backup_sink& sink,
                                              const snapshot_request& request) {
  const auto stream = ask<snapshot_reply>(index, request).stream;
  const job_end end(stream);
  backup_reader reader;
  pieces_ahead pieces([&] { return ask_later<backup_piece>(stream, next_atom_v); });
  for (;;) {
    const auto piece = pieces.next();
    if (piece.bytes.empty()) return reader.finish();
    if (piece.offset != reader.offset()) {
      backup_format::corrupt(reader.offset(), "a piece of offset " + std::to_string(piece.offset) + " came");
    }
    const auto bytes = std::as_bytes(std::span(piece.bytes));
    reader.update(bytes);
    if (reader.header() == nullptr) backup_format::corrupt(0, "the first piece holds no stream header");
    sink(bytes, *reader.header());
  }
}

std::unique_ptr<snapshot_source> client::fpindex_snapshot(const std::string& index, uint32_t ready_wait_ms) {
  const auto stream = ask<snapshot_reply>(index, snapshot_request{ready_wait_ms, stream_format::fpindex}).stream;
  return std::make_unique<snapshot_source>([this, stream] { return ask_later<backup_piece>(stream, next_atom_v); },
                                           [stream] { caf::anon_send(stream, close_atom_v); });
}

restore_reply client::restore(const restore_request& request, const backup_source& source) {
  const auto job = ask<restore_handle>(request);
  const job_end end(job);
  std::deque<std::function<done_atom()>> answers;
  const auto receive = [&] {
    const auto answer = std::move(answers.front());
    answers.pop_front();
    answer();
  };
  backup_piece piece;
  for (;;) {
    piece.bytes = read_piece(source);
    if (piece.bytes.empty()) break;
    if (answers.size() == pieces_ahead::window) receive();
    answers.push_back(ask_later<done_atom>(job, piece));
    piece.offset += piece.bytes.size();
  }
  while (!answers.empty()) receive();
  return ask<restore_reply>(job, finish_atom_v);
}

}  // namespace fp
