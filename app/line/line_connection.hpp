#pragma once

#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "app/line/line_framer.hpp"
#include "app/line/line_server.hpp"
#include "app/tcp/tcp_server.hpp"

namespace fp::line_detail {

using clock = std::chrono::steady_clock;

/// What all threads of a server share.
struct server_state {
  server_state(line_server_options o, line_handler h)
      : options(std::move(o)),
        handler(std::move(h)),
        budget(std::make_shared<byte_budget>(options.max_buffered_bytes)) {}

  line_server_options options;
  line_handler handler;
  std::shared_ptr<byte_budget> budget;
};

/// One event loop, and what its connections share.
struct worker : tcp_worker {
  worker(uint32_t n, std::shared_ptr<const server_state> s) : tcp_worker(n), shared(std::move(s)) {}
  std::shared_ptr<const server_state> shared;
};

/// One connection.
///
///     socket -> chunk_ -> framer_ -> session_, a line at a time -> handler, for some lines
///     session_ -> output_ -> sending_ -> socket
///
/// Reading goes on while a line waits for its answer, up to a bound: it is how a client that goes away is noticed.
class connection : public tcp_connection, public std::enable_shared_from_this<connection> {
 public:
  connection(std::shared_ptr<worker> w, tcp::socket socket);

  void start() override { advance(); }
  void begin_stop() override { advance(); }
  void abort() override;
  /// The answer to the line with that number.
  void answer(uint64_t number, const line_answer& a);

 private:
  /// Does whatever can be done next. Called after every event.
  void advance();
  void take_lines();
  bool may_take_line() const;
  bool gets_no_more() const { return peer_sends_no_more_ || worker_->stopping; }
  void hand_over(line_work work);
  void end(std::string_view message);

  void read();
  void on_read(error_code ec, size_t bytes);
  void send();
  void on_written(error_code ec);
  void linger();

  bool is_idle() const;
  void arm_timer();
  void on_timer();

  std::shared_ptr<worker> worker_;
  const line_server_options& options_;
  tcp::socket socket_;
  asio::steady_timer timer_;
  line_session session_;

  std::array<char, 16u << 10> chunk_;
  line_framer framer_;
  std::string output_, sending_;

  uint64_t number_ = 0;  ///< of the line that was handed over last
  std::shared_ptr<cancel_flag> cancel_;
  bool busy_ = false;  ///< a line waits for its answer
  bool reading_ = false, writing_ = false, lingering_ = false, closed_ = false;
  bool peer_sends_no_more_ = false;
  bool over_ = false;  ///< close after what is in `output_`
  size_t lingered_bytes_ = 0;

  clock::time_point idle_since_, write_deadline_, gone_deadline_, linger_deadline_;
  clock::time_point timer_expiry_ = clock::time_point::max();
};

}  // namespace fp::line_detail
