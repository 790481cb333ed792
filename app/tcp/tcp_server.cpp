#include "app/tcp/tcp_server.hpp"

#include "core/base/error.hpp"
#include "core/base/no_thread.hpp"

namespace fp {

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

void abort_all(tcp_worker& w) {
  const std::vector<std::shared_ptr<tcp_connection>> left(w.connections.begin(), w.connections.end());
  for (const auto& c : left) c->abort();
}

void begin_stop(const std::shared_ptr<tcp_worker>& w, std::chrono::milliseconds timeout) {
  w->stopping = true;
  w->guard.reset();
  const std::vector<std::shared_ptr<tcp_connection>> all(w->connections.begin(), w->connections.end());
  for (const auto& c : all) c->begin_stop();
  if (w->connections.empty()) return;
  w->stop_timer.expires_after(timeout);
  w->stop_timer.async_wait([w](error_code ec) {
    if (!ec) abort_all(*w);
  });
}

}  // namespace

void tcp_worker::remove(const std::shared_ptr<tcp_connection>& c) {
  if (connections.erase(c) > 0) num_connections->fetch_sub(1, std::memory_order_relaxed);
  if (stopping && connections.empty()) stop_timer.cancel();
}

tcp_server::tcp_server(tcp_server_options options, std::vector<std::shared_ptr<tcp_worker>> workers,
                       connection_factory make, refusal_text refuse)
    : options_(std::move(options)),
      workers_(std::move(workers)),
      make_(std::move(make)),
      refuse_(std::move(refuse)),
      num_connections_(workers_.front()->num_connections),
      acceptor_(workers_.front()->loop),
      retry_timer_(workers_.front()->loop) {
  for (const auto& w : workers_) w->num_connections = num_connections_;
  listen();
  threads_.reserve(workers_.size());
  try {
    for (const auto& w : workers_) threads_.emplace_back([w] { w->loop.run(); });
  } catch (const std::system_error& e) {
    for (const auto& w : workers_) w->loop.stop();
    for (auto& t : threads_) t.join();
    throw no_thread(e);
  }
  workers_.front()->post([this] { accept(); });
}

void tcp_server::stop() {
  if (threads_.empty()) return;
  workers_.front()->post([this] {
    error_code ignored;
    stopping_ = true;
    acceptor_.close(ignored);
    retry_timer_.cancel();
  });
  for (const auto& w : workers_) {
    w->post([w, timeout = options_.stop_timeout] { begin_stop(w, timeout); });
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
    abort_all(*w);
    w->loop.restart();
    w->loop.poll();
  }
}

void tcp_server::listen() {
  const auto where = resolve(workers_.front()->loop, options_.host, options_.port);
  error_code ec;
  const auto check = [&] {
    if (!ec) return;
    throw error(errc::io_error, "cannot listen on " + options_.host + ":" + std::to_string(options_.port) + ": " +
                                    ec.message() +
                                    (ec == asio::error::address_in_use ? "; another program uses the port" : ""));
  };
  acceptor_.open(where.protocol(), ec);
  check();
  acceptor_.set_option(asio::socket_base::reuse_address(true), ec);
  check();
  acceptor_.bind(where, ec);
  check();
  acceptor_.listen(asio::socket_base::max_listen_connections, ec);
  check();
  port_ = acceptor_.local_endpoint().port();
}

void tcp_server::accept() {
  const auto w = workers_[next_worker_++ % workers_.size()];
  acceptor_.async_accept(w->loop, [this, w](error_code ec, tcp::socket socket) {
    if (stopping_) return;
    if (!ec) {
      take(w, std::move(socket));
    } else if (ec != asio::error::connection_aborted) {
      // Out of file descriptors or memory: what ends meanwhile makes room.
      retry_timer_.expires_after(accept_retry_delay);
      retry_timer_.async_wait([this](error_code aborted) {
        if (!aborted && !stopping_) accept();
      });
      return;
    }
    accept();
  });
}

void tcp_server::take(const std::shared_ptr<tcp_worker>& w, tcp::socket socket) {
  error_code ignored;
  if (num_connections_->load(std::memory_order_relaxed) >= options_.max_connections) {
    socket.non_blocking(true, ignored);
    socket.write_some(asio::buffer(refuse_()), ignored);
    socket.shutdown(tcp::socket::shutdown_send, ignored);
    return;
  }
  socket.set_option(tcp::no_delay(true), ignored);
  w->num_connections->fetch_add(1, std::memory_order_relaxed);
  w->post([w, make = make_, s = std::move(socket)]() mutable {
    const auto fresh = make(w->number, std::move(s));
    w->connections.insert(fresh);
    if (w->stopping) {
      fresh->abort();
    } else {
      fresh->start();
    }
  });
}

}  // namespace fp
