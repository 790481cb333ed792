#pragma once

#include <atomic>
#include <boost/asio.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "app/tcp/stop_timeout.hpp"

namespace fp {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

/// A connection of a `tcp_server`. Everything runs on the thread of its worker.
class tcp_connection {
 public:
  virtual ~tcp_connection() = default;
  virtual void start() = 0;
  /// Answers what has been received completely, then closes.
  virtual void begin_stop() = 0;
  /// Closes at once.
  virtual void abort() = 0;
};

/// One event loop and its connections. Outlives its server for as long as somebody may still answer a request.
struct tcp_worker {
  explicit tcp_worker(uint32_t n) : number(n), stop_timer(loop) {}

  /// Runs `f` on the worker's thread, unless the worker has ended.
  template <class F>
  void post(F&& f) {
    std::lock_guard lock(mutex);
    if (open) asio::post(loop, std::forward<F>(f));
  }
  /// A connection is over.
  void remove(const std::shared_ptr<tcp_connection>& c);

  const uint32_t number;
  asio::io_context loop{1};
  asio::executor_work_guard<asio::io_context::executor_type> guard{loop.get_executor()};
  asio::steady_timer stop_timer;
  std::unordered_set<std::shared_ptr<tcp_connection>> connections;
  /// Of all workers of a server, with those that were accepted and have not started.
  std::shared_ptr<std::atomic<uint32_t>> num_connections = std::make_shared<std::atomic<uint32_t>>(0);
  bool stopping = false;

  std::mutex mutex;
  bool open = true;
};

struct tcp_server_options {
  std::string host = "127.0.0.1";
  uint16_t port = 0;  ///< 0: pick a free one
  uint32_t max_connections = 1'024;
  /// How long `stop` waits for answers.
  std::chrono::milliseconds stop_timeout = default_stop_timeout;
};

/// Accepts connections and spreads them over event loops, a thread each; a connection stays on its loop.
class tcp_server {
 public:
  /// Makes a connection of the worker with that number; runs on the worker's thread.
  using connection_factory = std::function<std::shared_ptr<tcp_connection>(uint32_t worker, tcp::socket socket)>;
  /// Words what a connection above the bound is told before it is closed.
  using refusal_text = std::function<std::string()>;

  /// Listens. `workers` are numbered from 0. Throws `io_error` when the address cannot be listened on,
  /// `overloaded` when there are no threads for the workers.
  tcp_server(tcp_server_options options, std::vector<std::shared_ptr<tcp_worker>> workers, connection_factory make,
             refusal_text refuse);
  ~tcp_server() { stop(); }
  tcp_server(const tcp_server&) = delete;
  tcp_server& operator=(const tcp_server&) = delete;

  uint16_t port() const { return port_; }
  /// Open connections; valid even when the server has gone.
  std::shared_ptr<const std::atomic<uint32_t>> num_connections() const { return num_connections_; }
  /// Accepts nothing more, lets connections answer what they have received, closes them, and returns.
  void stop();

 private:
  void listen();
  void accept();
  void take(const std::shared_ptr<tcp_worker>& w, tcp::socket socket);

  tcp_server_options options_;
  std::vector<std::shared_ptr<tcp_worker>> workers_;
  connection_factory make_;
  refusal_text refuse_;
  std::shared_ptr<std::atomic<uint32_t>> num_connections_;
  std::vector<std::thread> threads_;
  tcp::acceptor acceptor_;
  asio::steady_timer retry_timer_;
  size_t next_worker_ = 0;
  bool stopping_ = false;
  uint16_t port_ = 0;
};

/// `count` workers, made by `Worker(number, arguments...)`.
template <class Worker, class... Ts>
std::vector<std::shared_ptr<Worker>> make_workers(uint32_t count, const Ts&... arguments) {
  std::vector<std::shared_ptr<Worker>> workers;
  for (uint32_t i = 0; i < count; i++) workers.push_back(std::make_shared<Worker>(i, arguments...));
  return workers;
}

}  // namespace fp
