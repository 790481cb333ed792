#pragma once

#include <boost/asio.hpp>
#include <functional>
#include <memory>

namespace fp {
class tls_server_context;
}

namespace fp::http_detail {

/// What a connection is read from and written to: a socket, with or without TLS above it. One read, one write and
/// one of the others may be on their way at a time.
class http_stream {
 public:
  using tcp = boost::asio::ip::tcp;
  using error_code = boost::system::error_code;
  using handler = std::function<void(error_code, size_t)>;

  /// `tls` empty: none.
  http_stream(tcp::socket socket, const tls_server_context* tls);
  ~http_stream();

  bool needs_handshake() const noexcept { return tls_ != nullptr; }
  void async_handshake(std::function<void(error_code)> done);

  /// `eof` when the other side sends no more, whether it says so by TLS or only closes.
  template <class F>
  void async_read_some(boost::asio::mutable_buffer buffer, F&& done) {
    if (tls_) {
      read_tls(buffer, std::forward<F>(done));
    } else {
      socket_.async_read_some(buffer, std::forward<F>(done));
    }
  }
  template <class F>
  void async_write(boost::asio::const_buffer buffer, F&& done) {
    if (tls_) {
      write_tls(buffer, std::forward<F>(done));
    } else {
      boost::asio::async_write(socket_, buffer, std::forward<F>(done));
    }
  }
  /// Tells the other side that nothing more comes. `keep_alive` lives until that is on its way.
  void end_sending(std::shared_ptr<void> keep_alive);
  /// How `close` treats what has been written and not been taken by the other side.
  enum class farewell { orderly, reset };
  void close(farewell how);

 private:
  struct tls_layer;
  void read_tls(boost::asio::mutable_buffer buffer, handler done);
  void write_tls(boost::asio::const_buffer buffer, handler done);

  tcp::socket socket_;
  std::unique_ptr<tls_layer> tls_;
};

}  // namespace fp::http_detail
