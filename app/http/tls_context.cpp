#include "app/http/tls_context.hpp"

#include <boost/asio/buffer.hpp>

#include "core/base/error.hpp"

namespace fp {

namespace {

namespace ssl = boost::asio::ssl;

tls_server_context::context_ptr make_context(const tls_credentials& credentials) {
  const auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  auto* native = context->native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  SSL_CTX_set_options(native, SSL_OP_NO_RENEGOTIATION);
  // An idle connection keeps no buffers.
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
  boost::system::error_code ec;
  context->use_certificate_chain(boost::asio::buffer(credentials.certificate()), ec);
  if (!ec) context->use_private_key(boost::asio::buffer(credentials.key()), ssl::context::pem, ec);
  if (ec) throw error(errc::invalid_configuration, "tls_certificate, tls_key: " + ec.message());
  return context;
}

}  // namespace

tls_server_context::tls_server_context(const tls_credentials& credentials) : context_(make_context(credentials)) {}

void tls_server_context::replace(const tls_credentials& credentials) {
  auto fresh = make_context(credentials);
  const std::lock_guard<std::mutex> lock(mutex_);
  context_.swap(fresh);
}

tls_server_context::context_ptr tls_server_context::current() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return context_;
}

}  // namespace fp
