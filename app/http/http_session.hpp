#pragma once

#include <atomic>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <ctime>
#include <deque>
#include <vector>

#include "app/http/held_bytes.hpp"
#include "app/http/http_head.hpp"
#include "app/http/http_server.hpp"
#include "app/http/http_stream.hpp"
#include "app/http/request_body.hpp"
#include "app/tcp/tcp_server.hpp"

namespace fp::http_detail {

namespace beast = boost::beast;
using clock = std::chrono::steady_clock;

inline constexpr auto never = clock::time_point::max();
inline constexpr size_t read_bytes = 64u << 10;
// Searches and other small requests fit into this, and go on when large ones have to wait.
inline constexpr uint64_t uncounted_bytes = 32u << 10;

/// What all threads of a server share.
struct server_state {
  explicit server_state(uint64_t max_held_bytes) : held(max_held_bytes) {}

  http_server_options options;
  http_handler handler;
  http_refusal refusal;
  http_gate gate;
  /// Of its own: who reads it may outlive the server, and must not keep the handler alive.
  const std::shared_ptr<std::atomic<uint32_t>> in_flight = std::make_shared<std::atomic<uint32_t>>(0);
  held_bytes held;
};

/// One event loop, and what its connections share.
struct worker : tcp_worker {
  worker(uint32_t n, std::shared_ptr<server_state> s) : tcp_worker(n), shared(std::move(s)) {}

  std::shared_ptr<server_state> shared;
  std::time_t date_second = 0;
  std::string date;
};

/// One connection.
///
///     socket -> incoming_ -> buffer_ -> parser_ -> queue_ (a slot a request, in order) -> handler
///     handler -> slot's response -> output_ -> socket
///
/// Reading goes on while requests wait for their answers, up to a bound: it is how a client that goes away is
/// noticed. All of it runs on the worker's thread.
class session : public tcp_connection, public std::enable_shared_from_this<session> {
 public:
  session(std::shared_ptr<worker> w, tcp::socket socket);

  void start() override;
  void begin_stop() override;
  void abort() override;
  void answer(uint64_t number, http_response response);

 private:
  using parser = beast::http::request_parser<request_body>;

  struct slot {
    uint64_t number = 0;
    size_t bytes = 0;  ///< of the request, then of its answer
    response_framing framing;
    bool answered = false;
    http_response response;
    std::shared_ptr<cancel_flag> cancel;
  };

  /// Does whatever can be done next. Called after every event.
  void advance();
  void parse();
  /// False when the request was answered by its head alone.
  bool check_header();
  /// Asks the gate. True when the request was answered.
  bool turn_away(bool expects_continue);
  void skip_body();
  void dispatch();
  void refuse(unsigned status);
  void answer_early(http_response response, bool keep_alive);
  http_request request_head() const;
  bool may_take_request() const;
  /// What the connection holds in memory.
  uint64_t bytes_held() const;
  /// Brings the server's count of them up to date. False when they became more and all connections together hold
  /// too much.
  bool count_held();
  void end_wait();
  void give_up();

  void read();
  void on_read(error_code ec, size_t bytes);
  /// Takes over what answers there are, in order.
  void fill_output();
  void send();
  void on_written(error_code ec);
  void append_response(slot& s);
  void pump_stream();
  void on_piece(body_source::piece piece);
  void end_stream();
  void linger();

  void update_deadline();
  void arm_timer();
  void on_timer();
  void cancel_all();

  std::shared_ptr<worker> worker_;
  const http_server_options& options_;
  http_stream socket_;
  asio::steady_timer timer_;
  clock::time_point timer_expiry_ = clock::time_point::max();

  std::vector<char> incoming_;  ///< what the read that is on its way reads into
  beast::flat_buffer buffer_;
  std::optional<parser> parser_;
  bool header_checked_ = false;
  uint64_t header_bytes_ = 0;  ///< that `parser_` holds while it receives a body
  size_t body_read_bytes_ = 0;
  uint64_t skip_ = 0;  ///< bytes of an answered request's body that come before the next request
  uint64_t counted_bytes_ = 0;
  held_bytes::ticket wait_ticket_ = held_bytes::no_ticket;
  std::deque<slot> queue_;
  uint64_t next_number_ = 0;
  size_t queued_bytes_ = 0;

  std::string output_;
  std::shared_ptr<body_source> stream_;
  bool stream_chunked_ = false;

  bool advancing_ = false, advance_again_ = false;
  bool reading_ = false, writing_ = false, awaiting_piece_ = false;
  bool want_continue_ = false;
  bool no_more_requests_ = false;  ///< the queue's last request is the connection's last
  bool close_after_write_ = false;
  bool peer_sends_no_more_ = false;
  bool served_any_ = false;
  bool lingering_ = false, closed_ = false;
  uint64_t lingered_bytes_ = 0;

  clock::time_point last_event_, read_deadline_, write_deadline_, gone_deadline_;
};

}  // namespace fp::http_detail
