#include <algorithm>

#include "app/http/http_session.hpp"

// How a connection writes its answers, and how it says goodbye.

namespace fp::http_detail {

namespace {

constexpr size_t write_bytes = 256u << 10;
// What a connection at rest keeps for its next answer: there may be many of them.
constexpr size_t kept_output_bytes = 16u << 10;
// After a refusal the client's remaining bytes are read for so long, because closing with unread bytes would reset
// the connection and take the answer with it.
constexpr auto linger_time = std::chrono::seconds(5);

}  // namespace

void session::append_response(slot& s) {
  auto& w = *worker_;
  const std::time_t now = std::time(nullptr);
  if (now != w.date_second) {
    w.date_second = now;
    w.date = date_field(now);
  }
  // Only its end tells a client of HTTP/1.0 how long a streamed body is.
  if (w.stopping || (s.response.stream && !s.framing.is_1_1)) s.framing.keep_alive = false;
  http_detail::append_response(output_, s.response, s.framing, w.date);
}

void session::fill_output() {
  if (writing_ || stream_ || lingering_) return;
  while (!queue_.empty() && queue_.front().answered && output_.size() < write_bytes && !close_after_write_) {
    auto& s = queue_.front();
    append_response(s);
    if (!s.framing.keep_alive) close_after_write_ = no_more_requests_ = true;
    queued_bytes_ -= std::min(queued_bytes_, s.bytes);
    const bool streams = s.response.stream && !s.framing.head;
    if (streams) {
      stream_ = std::move(s.response.stream);
      stream_chunked_ = s.framing.is_1_1;
    }
    queue_.pop_front();
    advance_again_ = true;
    if (streams) break;
  }
  if (close_after_write_) {
    queue_.clear();
    queued_bytes_ = 0;
  }
  if (want_continue_ && queue_.empty() && !stream_) {
    want_continue_ = false;
    output_ += "HTTP/1.1 100 Continue\r\n\r\n";
  }
}

void session::send() {
  if (writing_ || output_.empty()) return;
  writing_ = true;
  write_deadline_ = clock::now() + options_.idle_timeout;
  socket_.async_write(asio::buffer(output_),
                      [self = shared_from_this()](error_code ec, size_t) { self->on_written(ec); });
}

void session::on_written(error_code ec) {
  writing_ = false;
  end_wait();
  write_deadline_ = never;
  if (closed_) return;
  if (ec) {
    abort();
    return;
  }
  output_.clear();
  if (output_.capacity() > kept_output_bytes) std::string().swap(output_);
  last_event_ = clock::now();
  if (stream_) pump_stream();
  advance();
}

void session::pump_stream() {
  awaiting_piece_ = true;
  const auto source = stream_;
  source->next([w = worker_, s = weak_from_this()](body_source::piece piece) {
    w->post([s, piece = std::move(piece)]() mutable {
      if (const auto alive = s.lock()) alive->on_piece(std::move(piece));
    });
  });
}

void session::on_piece(body_source::piece piece) {
  if (closed_ || !awaiting_piece_) return;
  awaiting_piece_ = false;
  if (!piece) {
    abort();
    return;
  }
  const bool last = piece->empty();
  if (stream_chunked_) {
    append_number(output_, piece->size(), 16);
    output_ += "\r\n";
    output_ += *piece;
    output_ += "\r\n";
  } else {
    output_ += *piece;
  }
  if (last) end_stream();
  advance();
}

void session::end_stream() {
  stream_.reset();
  awaiting_piece_ = false;
}

void session::linger() {
  lingering_ = true;
  socket_.end_sending(shared_from_this());
  read_deadline_ = clock::now() + linger_time;
}

}  // namespace fp::http_detail
