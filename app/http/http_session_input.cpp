#include "app/http/http_session.hpp"

#include <algorithm>

// How a connection makes requests of what it has read.

namespace fp::http_detail {

namespace http = beast::http;

namespace {

// Requests of one connection that are read ahead hold at most about this much.
constexpr size_t max_queued_bytes = 1u << 20;
// A body that nobody wants is read past up to this size, so that the connection can go on; above it ends.
constexpr uint64_t max_skipped_bytes = 64u << 10;

size_t bytes_of(const http_request& head) {
  return head.target.size() + (head.content_type ? head.content_type->size() : 0) + head.accept.size() +
         head.if_none_match.size() + head.content_encoding.size();
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

bool session::may_take_request() const {
  return !no_more_requests_ && queue_.size() < options_.max_pipelined && queued_bytes_ < max_queued_bytes;
}

void session::parse() {
  skip_body();
  if (skip_ > 0) return;
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
  const bool expects = head.version() >= 11 && head.count(http::field::expect) > 0;
  if (turn_away(expects)) return false;
  want_continue_ = expects && !parser_->is_done();
  return true;
}

bool session::turn_away(bool expects_continue) {
  const auto& gate = worker_->shared->gate;
  if (!gate) return false;
  std::optional<http_response> answer;
  try {
    answer = gate(request_head());
  } catch (...) {
    refuse(500);
    return true;
  }
  if (!answer) return false;
  const auto& message = parser_->get();
  const uint64_t body = parser_->is_done() ? 0 : parser_->content_length().value_or(UINT64_MAX);
  // Who was told not to send the body may send it or not, and nobody knows where the next request begins.
  const bool goes_on = message.keep_alive() && (body == 0 || (body <= max_skipped_bytes && !expects_continue));
  answer_early(std::move(*answer), goes_on);
  if (!goes_on) return true;
  skip_ = body;
  if (skip_ > 0) read_deadline_ = clock::now() + options_.body_timeout;
  served_any_ = true;
  return true;
}

void session::skip_body() {
  if (skip_ == 0) return;
  const size_t bytes = std::min<uint64_t>(skip_, buffer_.size());
  buffer_.consume(bytes);
  skip_ -= bytes;
  if (skip_ == 0) read_deadline_ = never;
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
  head.content_encoding = std::string(message[http::field::content_encoding]);
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
  s.bytes = bytes_of(request) + message.body().capacity();
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

void session::refuse(unsigned status) { answer_early(worker_->shared->refusal(status, request_head()), false); }

void session::answer_early(http_response response, bool keep_alive) {
  slot s;
  s.number = next_number_++;
  s.framing.keep_alive = keep_alive;
  if (parser_ && parser_->is_header_done()) {
    s.framing.head = parser_->get().method() == http::verb::head;
    s.framing.is_1_1 = parser_->get().version() >= 11;
  }
  s.response = std::move(response);
  s.bytes = s.response.body.size();
  queued_bytes_ += s.bytes;
  s.answered = true;
  parser_.reset();
  end_wait();
  read_deadline_ = never;
  want_continue_ = false;
  if (!keep_alive) no_more_requests_ = true;
  queue_.push_back(std::move(s));
  advance_again_ = true;
}

}  // namespace fp::http_detail
