#include "app/http/http_session.hpp"

#include <algorithm>

namespace fp::http_detail {

namespace http = beast::http;

namespace {

constexpr size_t read_bytes = 64u << 10, small_read_bytes = 8u << 10;
// Requests of one connection that are read ahead hold at most about this much.
constexpr size_t max_queued_bytes = 1u << 20;
// A client that has closed its sending side may be gone or may wait for its answer; searches that take longer than
// this are called off.
constexpr auto gone_delay = std::chrono::seconds(1);

// Searches and other small requests fit into this, and go on when large ones have to wait.
constexpr uint64_t uncounted_bytes = 32u << 10;

size_t bytes_of(const http_request& head) {
  return head.target.size() + (head.content_type ? head.content_type->size() : 0) + head.accept.size() +
         head.if_none_match.size();
}

uint64_t bytes_of(const http::request_header<>& head) {
  constexpr uint64_t field_bytes = 64;  // of an empty one in the parser's table
  uint64_t bytes = head.target().size();
  for (const auto& field : head) bytes += field_bytes + field.name_string().size() + field.value().size();
  return bytes;
}

/// Counts an answer until its connection does.
class in_transit {
 public:
  in_transit(std::shared_ptr<server_state> server, uint64_t bytes) : server_(std::move(server)), bytes_(bytes) {
    server_->held.change(0, bytes_);
  }
  ~in_transit() { server_->held.change(bytes_, 0); }
  in_transit(const in_transit&) = delete;
  in_transit& operator=(const in_transit&) = delete;

 private:
  const std::shared_ptr<server_state> server_;
  const uint64_t bytes_;
};

/// One request on its way to its answer.
class exchange final : public http_exchange {
 public:
  exchange(std::shared_ptr<worker> w, std::weak_ptr<session> s, uint64_t number, http_request head)
      : worker_(std::move(w)),
        session_(std::move(s)),
        number_(number),
        head_(std::move(head)),
        cancel_(std::make_shared<cancel_flag>(false)) {}
  ~exchange() override {
    if (!answered_) respond(worker_->shared->refusal(500, head_));
  }
  void respond(http_response response) override {
    if (answered_.exchange(true)) return;
    auto& shared = *worker_->shared;
    shared.in_flight->fetch_sub(1, std::memory_order_relaxed);
    if (response.body.size() > uncounted_bytes && !shared.held.has_room_for(response.body.size())) {
      shared.held.give_up_oldest();
      response = shared.refusal(503, head_);
    }
    auto bytes = std::make_unique<in_transit>(worker_->shared, response.body.size());
    worker_->post([s = session_, number = number_, r = std::move(response), b = std::move(bytes)]() mutable {
      b.reset();
      if (const auto alive = s.lock()) alive->answer(number, std::move(r));
    });
  }
  const std::shared_ptr<cancel_flag>& cancel() const override { return cancel_; }

 private:
  std::shared_ptr<worker> worker_;
  std::weak_ptr<session> session_;
  const uint64_t number_;
  const http_request head_;  ///< without body, for wording an error
  std::shared_ptr<cancel_flag> cancel_;
  std::atomic<bool> answered_ = false;
};

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
    if (!closed_) write();
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

// -- Requests
// -------------------------------------------------------------------------------------------------------

bool session::may_take_request() const {
  return !no_more_requests_ && queue_.size() < options_.max_pipelined && queued_bytes_ < max_queued_bytes;
}

void session::parse() {
  while (!closed_ && (parser_ || may_take_request())) {
    if (!parser_) {
      // RFC 9112, 2.2: empty lines before a request line are ignored.
      auto data = static_cast<const char*>(buffer_.data().data());
      size_t blank = 0;
      while (blank < buffer_.size() && (data[blank] == '\r' || data[blank] == '\n')) blank++;
      buffer_.consume(blank);
      if (buffer_.size() == 0) return;
      parser_.emplace();
      parser_->header_limit(options_.max_header_bytes);
      parser_->body_limit(options_.max_body_bytes);
      header_checked_ = false;
      read_deadline_ = clock::now() + options_.header_timeout;
    }
    if (buffer_.size() > 0) {
      error_code ec;
      const size_t used = parser_->put(buffer_.data(), ec);
      buffer_.consume(used);
      if (ec && ec != http::error::need_more) {
        refuse(status_of(ec));
        return;
      }
      if (buffer_.size() > options_.max_header_bytes + read_bytes) {
        refuse(431);
        return;
      }
      if (!parser_->is_header_done()) {
        if (ec || buffer_.size() == 0) return;
        continue;
      }
      if (!header_checked_) {
        if (!check_header()) return;
        header_checked_ = true;
        parser_->eager(true);
        if (!parser_->is_done()) read_deadline_ = clock::now() + options_.body_timeout;
        if (!parser_->is_done() && buffer_.size() > 0) continue;
      } else {
      }
      if (!count_held()) {
        refuse(503);
        return;
      }
      if (!parser_->is_done()) {
        if (ec || buffer_.size() == 0) return;
        continue;
      }
    } else if (!parser_->is_done()) {
      return;
    }
    dispatch();
  }
}

bool session::check_header() {
  const auto& head = parser_->get();
  if (const unsigned problem = problem_with(head); problem != 0) {
    refuse(problem);
    return false;
  }
  if (!parser_->is_done()) header_bytes_ = bytes_of(head);
  want_continue_ = head.version() >= 11 && head.count(http::field::expect) > 0 && !parser_->is_done();
  return true;
}

http_request session::request_head() const {
  http_request head;
  if (!parser_) return head;
  const auto& message = parser_->get();
  head.method = method_of(message.method());
  head.target = origin_form(message.target());
  if (const auto it = message.find(http::field::content_type); it != message.end()) {
    head.content_type = std::string(it->value());
  }
  head.accept = std::string(message[http::field::accept]);
  head.if_none_match = std::string(message[http::field::if_none_match]);
  head.authorization = std::string(message[http::field::authorization]);
  head.io_thread = worker_->number;
  return head;
}

void session::dispatch() {
  auto& shared = *worker_->shared;
  http_request request = request_head();
  auto& message = parser_->get();
  slot s;
  s.number = next_number_++;
  s.framing.head = request.method == http_method::head;
  s.framing.is_1_1 = message.version() >= 11;
  s.framing.keep_alive = message.keep_alive();
  s.bytes = bytes_of(request) + message.body().size();
  if (!s.framing.keep_alive) no_more_requests_ = true;
  http_request head = request;
  head.authorization.clear();
  request.body = std::move(message.body());
  parser_.reset();
  end_wait();
  read_deadline_ = never;
  want_continue_ = false;
  served_any_ = true;
  queued_bytes_ += s.bytes;
  if (shared.in_flight->fetch_add(1, std::memory_order_relaxed) >= options_.max_requests_in_flight) {
    shared.in_flight->fetch_sub(1, std::memory_order_relaxed);
    s.response = shared.refusal(503, head);
    s.answered = true;
    queue_.push_back(std::move(s));
    advance_again_ = true;
    return;
  }
  const auto e = std::make_shared<exchange>(worker_, weak_from_this(), s.number, std::move(head));
  s.cancel = e->cancel();
  queue_.push_back(std::move(s));
  try {
    shared.handler(std::move(request), http_responder(e));
  } catch (...) {
    e->respond(shared.refusal(500, http_request{}));
  }
}

void session::refuse(unsigned status) {
  slot s;
  s.number = next_number_++;
  s.framing.keep_alive = false;
  s.answered = true;
  http_request head = request_head();
  s.framing.head = head.method == http_method::head;
  s.response = worker_->shared->refusal(status, head);
  parser_.reset();
  end_wait();
  read_deadline_ = never;
  want_continue_ = false;
  no_more_requests_ = true;
  queue_.push_back(std::move(s));
  advance_again_ = true;
}

// -- Memory
// ---------------------------------------------------------------------------------------------------------

uint64_t session::bytes_held() const {
  if (closed_) return 0;
  uint64_t bytes = buffer_.capacity() + queued_bytes_ + output_.capacity();
  if (parser_ && header_checked_) bytes += header_bytes_ + parser_->get().body().size();
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
// ---------------------------------------------------------------------------------------------------------

void session::read() {
  if (reading_ || peer_sends_no_more_) return;
  // What has been read waits in the buffer while no more requests are taken.
  if (!lingering_ && !parser_ && !may_take_request() && buffer_.size() >= read_bytes) return;
  if (lingering_) buffer_.clear();
  reading_ = true;
  const bool in_body = parser_ && header_checked_;
  if (buffer_.size() == 0 && buffer_.capacity() > 2 * small_read_bytes && !in_body) buffer_.shrink_to_fit();
  // As much as the client sends at a time: ten thousand slow ones must not hold a large buffer each.
  if (!in_body) body_read_bytes_ = small_read_bytes;
  socket_.async_read_some(buffer_.prepare(body_read_bytes_),
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
  buffer_.commit(bytes);
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
// -----------------------------------------------------------------------------------------------------------

void session::update_deadline() {
  if (lingering_ || parser_) return;
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
