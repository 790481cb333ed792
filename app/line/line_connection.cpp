#include "app/line/line_connection.hpp"

#include <algorithm>
#include <atomic>

namespace fp::line_detail {

namespace {

// What a connection sends ahead of its answers is read up to about this much.
constexpr size_t read_ahead_bytes = 64u << 10;
// No line is dealt with while more than this waits for being sent.
constexpr size_t max_output_bytes = 64u << 10;
// A client that has closed its sending side may be gone or may wait for its answer; a search that takes longer than
// this is called off.
constexpr auto gone_delay = std::chrono::seconds(1);
// Behind the last answer the client's remaining bytes are read for so long, because closing with unread bytes would
// reset the connection and take the answer with it.
constexpr auto linger_time = std::chrono::seconds(5);
constexpr size_t max_lingered_lines = 64;
constexpr auto never = clock::time_point::max();

/// One line on its way to its answer.
class exchange final : public line_exchange {
 public:
  exchange(std::shared_ptr<worker> w, std::weak_ptr<connection> c, uint64_t number)
      : worker_(std::move(w)), connection_(std::move(c)), number_(number) {}
  ~exchange() override { respond({}); }
  void respond(line_answer answer) override {
    if (answered_.exchange(true)) return;
    worker_->post([c = connection_, number = number_, a = std::move(answer)] {
      if (const auto alive = c.lock()) alive->answer(number, a);
    });
  }
  const std::shared_ptr<cancel_flag>& cancel() const override { return cancel_; }

 private:
  std::shared_ptr<worker> worker_;
  std::weak_ptr<connection> connection_;
  const uint64_t number_;
  std::shared_ptr<cancel_flag> cancel_ = std::make_shared<cancel_flag>(false);
  std::atomic<bool> answered_ = false;
};

/// Frees what a long line or answer took.
void shrink(std::string& buffer) {
  if (buffer.empty() && buffer.capacity() > read_ahead_bytes) std::string().swap(buffer);
}

}  // namespace

connection::connection(std::shared_ptr<worker> w, tcp::socket socket)
    : worker_(std::move(w)),
      options_(worker_->shared->options),
      socket_(std::move(socket)),
      timer_(worker_->loop),
      session_(options_.limits, worker_->shared->budget),
      framer_(options_.max_line_bytes),
      idle_since_(clock::now()),
      write_deadline_(never),
      gone_deadline_(never),
      linger_deadline_(never) {}

void connection::abort() {
  if (closed_) return;
  closed_ = true;
  if (cancel_) cancel_->store(true, std::memory_order_relaxed);
  error_code ignored;
  timer_.cancel();
  // Without this the kernel would keep for long what the client does not take.
  if (writing_) socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  socket_.close(ignored);
  worker_->remove(shared_from_this());
}

void connection::answer(uint64_t number, const line_answer& a) {
  if (closed_ || !busy_ || number != number_) return;
  busy_ = false;
  cancel_.reset();
  gone_deadline_ = never;
  idle_since_ = clock::now();
  session_.finish(a, output_);
  advance();
}

void connection::advance() {
  const auto self = shared_from_this();
  take_lines();
  send();
  if (closed_) return;
  if (over_ && !writing_) {
    if (gets_no_more()) {
      abort();
      return;
    }
    if (!lingering_) linger();
  }
  read();
  arm_timer();
}

// -- Lines

bool connection::may_take_line() const { return !busy_ && !over_ && output_.size() < max_output_bytes; }

void connection::take_lines() {
  while (may_take_line()) {
    const auto line = framer_.next();
    if (!line) break;
    idle_since_ = clock::now();
    if (auto work = session_.take(*line, output_)) hand_over(std::move(*work));
    if (session_.is_over()) over_ = true;
  }
  if (may_take_line()) {
    if (framer_.is_too_long()) {
      end("line too long");
    } else if (gets_no_more()) {
      // What is left is a part of a line.
      over_ = true;
    }
  }
  if (over_) framer_.clear();
}

void connection::hand_over(line_work work) {
  busy_ = true;
  const auto e = std::make_shared<exchange>(worker_, weak_from_this(), ++number_);
  cancel_ = e->cancel();
  if (peer_sends_no_more_) gone_deadline_ = clock::now() + gone_delay;
  try {
    worker_->shared->handler(worker_->number, std::move(work), line_responder(e));
  } catch (...) {
    e->respond({});
  }
}

void connection::end(std::string_view message) {
  session_.end(message, output_);
  over_ = true;
}

// -- Reading and writing

void connection::read() {
  if (reading_ || peer_sends_no_more_) return;
  if (!over_ && !may_take_line() && framer_.waiting_bytes() >= read_ahead_bytes) return;
  reading_ = true;
  socket_.async_read_some(asio::buffer(chunk_),
                          [self = shared_from_this()](error_code ec, size_t bytes) { self->on_read(ec, bytes); });
}

void connection::on_read(error_code ec, size_t bytes) {
  reading_ = false;
  if (closed_) return;
  if (ec == asio::error::eof) {
    peer_sends_no_more_ = true;
    if (busy_) gone_deadline_ = clock::now() + gone_delay;
  } else if (ec) {
    abort();
    return;
  }
  if (over_) {
    lingered_bytes_ += bytes;
    if (lingered_bytes_ > max_lingered_lines * options_.max_line_bytes) {
      abort();
      return;
    }
  } else {
    framer_.feed({chunk_.data(), bytes});
  }
  advance();
}

void connection::send() {
  if (writing_ || output_.empty()) return;
  writing_ = true;
  sending_.swap(output_);
  write_deadline_ = clock::now() + options_.write_timeout;
  asio::async_write(socket_, asio::buffer(sending_),
                    [self = shared_from_this()](error_code ec, size_t) { self->on_written(ec); });
}

void connection::on_written(error_code ec) {
  writing_ = false;
  write_deadline_ = never;
  if (closed_) return;
  if (ec) {
    abort();
    return;
  }
  sending_.clear();
  shrink(sending_);
  idle_since_ = clock::now();
  advance();
}

void connection::linger() {
  lingering_ = true;
  error_code ignored;
  socket_.shutdown(tcp::socket::shutdown_send, ignored);
  linger_deadline_ = clock::now() + linger_time;
}

// -- Time

bool connection::is_idle() const { return !busy_ && !writing_ && !over_; }

void connection::arm_timer() {
  const auto idle_deadline = is_idle() ? idle_since_ + session_.idle_timeout() : never;
  const auto earliest = std::min({idle_deadline, write_deadline_, gone_deadline_, linger_deadline_});
  // Deadlines move on with every line; the timer only has to ring at or before the earliest.
  if (earliest >= timer_expiry_) return;
  timer_expiry_ = earliest;
  timer_.expires_at(earliest);
  timer_.async_wait([self = shared_from_this()](error_code ec) {
    if (!ec) self->on_timer();
  });
}

void connection::on_timer() {
  if (closed_) return;
  timer_expiry_ = never;
  const auto now = clock::now();
  if (write_deadline_ <= now || linger_deadline_ <= now) {
    abort();
    return;
  }
  if (gone_deadline_ <= now) {
    gone_deadline_ = never;
    if (cancel_) cancel_->store(true, std::memory_order_relaxed);
  }
  if (is_idle() && idle_since_ + session_.idle_timeout() <= now) end("timeout");
  advance();
}

}  // namespace fp::line_detail
