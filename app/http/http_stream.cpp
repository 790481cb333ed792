#include "app/http/http_stream.hpp"

#include <boost/asio/ssl.hpp>

#include "app/http/tls_context.hpp"

namespace fp::http_detail {

namespace asio = boost::asio;

struct http_stream::tls_layer {
  tls_layer(tcp::socket& socket, tls_server_context::context_ptr c)
      : context(std::move(c)), stream(socket, *context) {}

  tls_server_context::context_ptr context;  ///< may have been replaced for others
  asio::ssl::stream<tcp::socket&> stream;
};

http_stream::http_stream(tcp::socket socket, const tls_server_context* tls)
    : socket_(std::move(socket)), tls_(tls ? std::make_unique<tls_layer>(socket_, tls->current()) : nullptr) {}

http_stream::~http_stream() = default;

void http_stream::async_handshake(std::function<void(error_code)> done) {
  tls_->stream.async_handshake(asio::ssl::stream_base::server, std::move(done));
}

void http_stream::read_tls(asio::mutable_buffer buffer, handler done) {
  tls_->stream.async_read_some(buffer, [done = std::move(done)](error_code ec, size_t bytes) {
    // HTTP's own framing tells whether something is missing.
    if (ec == asio::ssl::error::stream_truncated) ec = asio::error::eof;
    done(ec, bytes);
  });
}

void http_stream::write_tls(asio::const_buffer buffer, handler done) {
  asio::async_write(tls_->stream, buffer, std::move(done));
}

void http_stream::end_sending(std::shared_ptr<void> keep_alive) {
  if (tls_) {
    tls_->stream.async_shutdown([keep_alive = std::move(keep_alive)](error_code) {});
  } else {
    error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
  }
}

void http_stream::close(farewell how) {
  error_code ignored;
  if (how == farewell::reset) socket_.set_option(asio::socket_base::linger(true, 0), ignored);
  socket_.close(ignored);
}

}  // namespace fp::http_detail
