#include "app/http/http_server.hpp"

#include <thread>
#include <vector>

#include "app/http/http_session.hpp"
#include "core/base/error.hpp"

namespace fp {

using namespace http_detail;

namespace {

constexpr auto accept_retry_delay = std::chrono::milliseconds(100);

tcp::endpoint resolve(asio::io_context& loop, const std::string& host, uint16_t port) {
  error_code ec;
  const auto address = asio::ip::make_address(host, ec);
  if (!ec) return {address, port};
  tcp::resolver resolver(loop);
  const auto found = resolver.resolve(host, std::to_string(port), tcp::resolver::passive, ec);
  if (ec || found.empty()) throw error(errc::io_error, "cannot listen on " + host + ": " + ec.message());
  return *found.begin();
}

}  // namespace

class http_server::impl {
 public:
  impl(http_server_options options, http_handler handler, http_refusal refusal)
      : shared_(std::make_shared<server_state>()) {
    shared_->options = std::move(options);
    shared_->handler = std::move(handler);
    shared_->refusal = std::move(refusal);
    const auto count = std::max(1u, shared_->options.threads);
    for (uint32_t i = 0; i < count; i++) workers_.push_back(std::make_shared<worker>(shared_, i));
    listen();
    accept();
    for (const auto& w : workers_) {
      threads_.emplace_back([w] { w->loop.run(); });
    }
  }

  ~impl() { stop(); }

  uint16_t port() const { return port_; }
  std::shared_ptr<const http_load> load() const { return shared_->load; }

  void stop() {
    if (threads_.empty()) return;
    workers_.front()->post([this] {
      error_code ignored;
      stopping_ = true;
      acceptor_->close(ignored);
      retry_timer_->cancel();
    });
    for (const auto& w : workers_) {
      w->post([w] {
        w->stopping = true;
        w->guard.reset();
        const std::vector<std::shared_ptr<session>> all(w->sessions.begin(), w->sessions.end());
        for (const auto& s : all) s->begin_stop();
        if (w->sessions.empty()) return;
        w->stop_timer.expires_after(w->shared->options.stop_timeout);
        w->stop_timer.async_wait([w](error_code ec) {
          if (ec) return;
          const std::vector<std::shared_ptr<session>> left(w->sessions.begin(), w->sessions.end());
          for (const auto& s : left) s->abort();
        });
      });
    }
    for (auto& t : threads_) t.join();
    threads_.clear();
    for (const auto& w : workers_) {
      {
        std::lock_guard lock(w->mutex);
        w->open = false;
      }
      // What was posted in the last moment.
      w->loop.restart();
      w->loop.poll();
      const std::vector<std::shared_ptr<session>> left(w->sessions.begin(), w->sessions.end());
      for (const auto& s : left) s->abort();
      w->loop.restart();
      w->loop.poll();
    }
  }

 private:
  void listen() {
    auto& loop = workers_.front()->loop;
    const auto& o = shared_->options;
    acceptor_.emplace(loop);
    retry_timer_.emplace(loop);
    const auto where = resolve(loop, o.host, o.port);
    error_code ec;
    const auto check = [&] {
      if (ec) {
        throw error(errc::io_error,
                    "cannot listen on " + o.host + ":" + std::to_string(o.port) + ": " + ec.message() +
                        (ec == asio::error::address_in_use ? "; another program uses the port" : ""));
      }
    };
    acceptor_->open(where.protocol(), ec);
    check();
    acceptor_->set_option(asio::socket_base::reuse_address(true), ec);
    check();
    acceptor_->bind(where, ec);
    check();
    acceptor_->listen(asio::socket_base::max_listen_connections, ec);
    check();
    port_ = acceptor_->local_endpoint().port();
  }

  void accept() {
    const auto w = workers_[next_worker_++ % workers_.size()];
    acceptor_->async_accept(w->loop, [this, w](error_code ec, tcp::socket socket) {
      if (stopping_) return;
      if (!ec) {
        take(w, std::move(socket));
      } else if (ec != asio::error::connection_aborted) {
        // Out of file descriptors or memory: what ends meanwhile makes room.
        retry_timer_->expires_after(accept_retry_delay);
        retry_timer_->async_wait([this](error_code aborted) {
          if (!aborted && !stopping_) accept();
        });
        return;
      }
      accept();
    });
  }

  void take(const std::shared_ptr<worker>& w, tcp::socket socket) {
    if (shared_->load->connections.fetch_add(1, std::memory_order_relaxed) >= shared_->options.max_connections) {
      shared_->load->connections.fetch_sub(1, std::memory_order_relaxed);
      const auto r = shared_->refusal(503, http_request{});
      const std::string text = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: " + r.content_type +
                               "\r\nRetry-After: " + std::to_string(r.retry_after_s) +
                               "\r\nContent-Length: " + std::to_string(r.body.size()) +
                               "\r\nConnection: close\r\n\r\n" + r.body;
      error_code ignored;
      socket.non_blocking(true, ignored);
      socket.write_some(asio::buffer(text), ignored);
      socket.shutdown(tcp::socket::shutdown_send, ignored);
      return;
    }
    w->post([w, s = std::move(socket)]() mutable {
      const auto fresh = std::make_shared<session>(w, std::move(s));
      w->sessions.insert(fresh);
      if (w->stopping) {
        fresh->abort();
      } else {
        fresh->start();
      }
    });
  }

  std::shared_ptr<server_state> shared_;
  std::vector<std::shared_ptr<worker>> workers_;
  std::vector<std::thread> threads_;
  std::optional<tcp::acceptor> acceptor_;
  std::optional<asio::steady_timer> retry_timer_;
  size_t next_worker_ = 0;
  bool stopping_ = false;
  uint16_t port_ = 0;
};

http_server::http_server(http_server_options options, http_handler handler, http_refusal refusal)
    : impl_(std::make_unique<impl>(std::move(options), std::move(handler), std::move(refusal))) {}
http_server::~http_server() = default;
uint16_t http_server::port() const { return impl_->port(); }
std::shared_ptr<const http_load> http_server::load() const { return impl_->load(); }
void http_server::stop() { impl_->stop(); }

}  // namespace fp
