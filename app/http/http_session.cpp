#include "app/http/http_session.hpp"

#include <algorithm>

namespace fp::http_detail {

namespace {

constexpr size_t small_read_bytes = 8u << 10;
// A client that has closed its sending side may be gone or may wait for its answer; searches that take longer than
// this are called off.
constexpr auto gone_delay = std::chrono::seconds(1);

}  // namespace

session::session(std::shared_ptr<worker> w, tcp::socket socket)
    : worker_(std::move(w)),
      options_(worker_->shared->options),
      socket_(std::move(socket), options_.tls.get()),
      timer_(worker_->loop),
      last_event_(clock::now()),
      read_deadline_(never),
      write_deadline_(never),
      gone_deadline_(never) {}

void session::start() {
  if (!socket_.needs_handshake()) {
    advance();
    return;
  }
  read_deadline_ = last_event_ + options_.header_timeout;
  socket_.async_handshake([self = shared_from_this()](error_code ec) {
    if (self->closed_) return;
    if (ec) {
      self->abort();
    } else {
      self->advance();
    }
  });
  arm_timer();
}

void session::begin_stop() {
  no_more_requests_ = true;
  parser_.reset();
  want_continue_ = false;
  advance();
}

void session::abort() {
  if (closed_) return;
  closed_ = true;
  cancel_all();
  end_stream();
  queue_.clear();
  count_held();
  timer_.cancel();
  // Without a reset the kernel would keep for long what the client does not take.
  socket_.close(writing_ ? http_stream::farewell::reset : http_stream::farewell::orderly);
  worker_->remove(shared_from_this());
}

void session::cancel_all() {
  for (const auto& s : queue_) {
    if (s.cancel) s.cancel->store(true, std::memory_order_relaxed);
  }
}

void session::answer(uint64_t number, http_response response) {
  if (closed_) return;
  // Slots are numbered without gaps.
  if (queue_.empty() || number < queue_.front().number) return;
  auto& s = queue_[number - queue_.front().number];
  queued_bytes_ -= s.bytes;
  s.bytes = response.body.size();
  queued_bytes_ += s.bytes;
  s.response = std::move(response);
  s.answered = true;
  advance();
}

void session::advance() {
  // A handler may answer while it is called.
  advance_again_ = true;
  if (advancing_) return;
  advancing_ = true;
  const auto self = shared_from_this();
  while (advance_again_ && !closed_) {
    advance_again_ = false;
    if (!lingering_) parse();
    if (peer_sends_no_more_ && may_take_request()) {
      // Whole requests that came before the end are answered; a part of one is dropped.
      no_more_requests_ = true;
      parser_.reset();
      want_continue_ = false;
    }
    if (closed_) break;
    fill_output();
    send();
  }
  advancing_ = false;
  if (closed_) return;
  const bool done = queue_.empty() && !writing_ && !stream_;
  if (done && !lingering_ && (close_after_write_ || (no_more_requests_ && output_.empty()))) {
    if (peer_sends_no_more_ || worker_->stopping) {
      abort();
    } else {
      linger();
    }
  }
  if (closed_) return;
  read();
  count_held();
  update_deadline();
  arm_timer();
}

// -- Memory

uint64_t session::bytes_held() const {
  if (closed_) return 0;
  uint64_t bytes = buffer_.capacity() + incoming_.capacity() + queued_bytes_ + output_.capacity();
  if (parser_ && header_checked_) bytes += header_bytes_ + parser_->get().body().capacity();
  return bytes;
}

bool session::count_held() {
  auto& all = worker_->shared->held;
  const uint64_t held = bytes_held();
  const uint64_t before = counted_bytes_;
  counted_bytes_ = held - std::min(held, uncounted_bytes);
  if (counted_bytes_ != before) all.change(before, counted_bytes_);
  const bool waits_for_client = writing_ || (parser_ && header_checked_);
  if (counted_bytes_ == 0 || !waits_for_client) {
    end_wait();
  } else if (wait_ticket_ == held_bytes::no_ticket) {
    wait_ticket_ = all.begin_wait([w = worker_, s = weak_from_this()] {
      w->post([s] {
        if (const auto alive = s.lock()) alive->give_up();
      });
    });
  }
  if (counted_bytes_ <= before || all.has_room_for(0)) return true;
  all.give_up_oldest();
  return false;
}

void session::end_wait() {
  if (wait_ticket_ == held_bytes::no_ticket) return;
  worker_->shared->held.end_wait(wait_ticket_);
  wait_ticket_ = held_bytes::no_ticket;
}

void session::give_up() {
  // What it held may have been taken meanwhile.
  if (closed_ || counted_bytes_ == 0) return;
  if (parser_ && header_checked_ && !writing_) {
    refuse(503);
    advance();
  } else if (writing_) {
    abort();
  }
}

// -- Reading

void session::read() {
  if (reading_ || peer_sends_no_more_) return;
  // What has been read waits in the buffer while no more requests are taken.
  if (!lingering_ && !parser_ && !may_take_request() && buffer_.size() >= read_bytes) return;
  if (lingering_) buffer_.clear();
  reading_ = true;
  const bool in_body = parser_ && header_checked_;
  // As much as the client sends at a time: ten thousand slow ones must not hold a large buffer each.
  if (!in_body) body_read_bytes_ = small_read_bytes;
  if (buffer_.size() == 0 && !in_body) {
    if (buffer_.capacity() > 2 * small_read_bytes) buffer_.shrink_to_fit();
    if (incoming_.size() > small_read_bytes) incoming_ = std::vector<char>();
  }
  // Not into the buffer: requests are taken from it while the next bytes are waited for, and it moves its end then.
  incoming_.resize(std::max(incoming_.size(), body_read_bytes_));
  socket_.async_read_some(asio::buffer(incoming_.data(), body_read_bytes_),
                          [self = shared_from_this()](error_code ec, size_t bytes) { self->on_read(ec, bytes); });
}

void session::on_read(error_code ec, size_t bytes) {
  reading_ = false;
  if (closed_) return;
  if (ec == asio::error::eof) {
    peer_sends_no_more_ = true;
    if (lingering_) {
      abort();
      return;
    }
    gone_deadline_ = clock::now() + gone_delay;
  } else if (ec) {
    abort();
    return;
  }
  buffer_.commit(asio::buffer_copy(buffer_.prepare(bytes), asio::buffer(incoming_.data(), bytes)));
  body_read_bytes_ = bytes == body_read_bytes_ ? std::min(2 * bytes, read_bytes) : small_read_bytes;
  if (lingering_) {
    lingered_bytes_ += bytes;
    if (lingered_bytes_ > 4 * uint64_t{options_.max_body_bytes}) {
      abort();
      return;
    }
  }
  last_event_ = clock::now();
  advance();
}

// -- Time

void session::update_deadline() {
  if (lingering_ || parser_ || skip_ > 0) return;
  const bool idle = queue_.empty() && !writing_ && !stream_;
  // A fresh connection has to say something soon; one that has served requests may rest.
  read_deadline_ = idle ? last_event_ + (served_any_ ? options_.idle_timeout : options_.header_timeout) : never;
}

void session::arm_timer() {
  const auto earliest = std::min({read_deadline_, write_deadline_, gone_deadline_});
  // Deadlines move on with every request; the timer only has to ring at or before the earliest.
  if (earliest >= timer_expiry_ || earliest == never) return;
  timer_expiry_ = earliest;
  timer_.expires_at(earliest);
  timer_.async_wait([self = shared_from_this()](error_code ec) {
    if (!ec) self->on_timer();
  });
}

void session::on_timer() {
  if (closed_) return;
  timer_expiry_ = never;
  const auto now = clock::now();
  if (write_deadline_ <= now) {
    abort();
    return;
  }
  if (gone_deadline_ <= now) {
    gone_deadline_ = never;
    cancel_all();
  }
  if (read_deadline_ <= now) {
    if (!parser_) {
      abort();
      return;
    }
    refuse(408);
  }
  advance();
}

}  // namespace fp::http_detail
