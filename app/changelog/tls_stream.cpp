#include "app/changelog/tls_stream.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>

#include "app/changelog/host_lookup.hpp"
#include "core/base/error.hpp"

namespace fp {

namespace {

constexpr size_t record_bytes = size_t{16} << 10;

}  // namespace

void tls_stream::freed::operator()(ssl_st* s) const noexcept { SSL_free(s); }

tls_stream::tls_stream(const http_access& access, const std::string& host)
    : access_(access), host_(host), ssl_(SSL_new(access.context())) {
  BIO* in = ssl_ ? BIO_new(BIO_s_mem()) : nullptr;
  BIO* out = ssl_ ? BIO_new(BIO_s_mem()) : nullptr;
  if (in == nullptr || out == nullptr) {
    BIO_free(in);
    BIO_free(out);
    throw error(errc::internal_error, "OpenSSL makes no connection");
  }
  // Without bytes it waits for more.
  BIO_set_mem_eof_return(in, -1);
  SSL_set_bio(ssl_.get(), in, out);
  SSL_set_connect_state(ssl_.get());
  if (host_lookup::is_address(host)) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_.get()), host.c_str());
  } else {
    SSL_set1_host(ssl_.get(), host.c_str());
    SSL_set_tlsext_host_name(ssl_.get(), host.c_str());
  }
}

tls_stream::~tls_stream() = default;

void tls_stream::take(std::span<const std::byte> received) {
  if (!received.empty()) BIO_write(SSL_get_rbio(ssl_.get()), received.data(), static_cast<int>(received.size()));
}

void tls_stream::flush(const sender& send) {
  std::array<std::byte, record_bytes> buffer;
  for (;;) {
    const int count = BIO_read(SSL_get_wbio(ssl_.get()), buffer.data(), static_cast<int>(buffer.size()));
    if (count <= 0) return;
    send(std::span(buffer).first(static_cast<size_t>(count)));
  }
}

void tls_stream::fail_handshake() {
  const long verdict = SSL_get_verify_result(ssl_.get());
  if (verdict != X509_V_OK) {
    throw error(errc::io_error,
                "the server's certificate is not taken: " + std::string(X509_verify_cert_error_string(verdict)) +
                    "; it must be for " + host_ + ", by an authority of " + access_.ca_label());
  }
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  throw error(errc::io_error, "no TLS with the server: " + std::string(reason != nullptr ? reason : "it hangs up") +
                                  "; does it serve https?");
}

void tls_stream::shake_hands(const sender& send, const receiver& receive) {
  std::array<std::byte, record_bytes> buffer;
  for (;;) {
    ERR_clear_error();
    const int done = SSL_do_handshake(ssl_.get());
    const int wanted = SSL_get_error(ssl_.get(), done);
    if (done != 1 && wanted != SSL_ERROR_WANT_READ) {
      const long verdict = SSL_get_verify_result(ssl_.get());
      // The server hears why, as far as it goes.
      if (verdict != X509_V_OK) flush(send);
      fail_handshake();
    }
    flush(send);
    if (done == 1) return;
    const size_t count = receive(buffer);
    if (count == 0) fail_handshake();
    take(std::span(buffer).first(count));
  }
}

void tls_stream::write(std::span<const std::byte> bytes, const sender& send) {
  while (!bytes.empty()) {
    ERR_clear_error();
    size_t count = 0;
    if (SSL_write_ex(ssl_.get(), bytes.data(), std::min(bytes.size(), record_bytes), &count) != 1) {
      throw error(errc::io_error, "TLS failed");
    }
    bytes = bytes.subspan(count);
    flush(send);
  }
}

size_t tls_stream::read(std::span<std::byte> out, const sender& send, const receiver& receive) {
  std::array<std::byte, record_bytes> buffer;
  for (;;) {
    ERR_clear_error();
    size_t count = 0;
    const int done = SSL_read_ex(ssl_.get(), out.data(), out.size(), &count);
    if (done == 1) return count;
    const int why = SSL_get_error(ssl_.get(), done);
    if (why == SSL_ERROR_ZERO_RETURN) return 0;
    if (why != SSL_ERROR_WANT_READ) {
      const char* reason = ERR_reason_error_string(ERR_peek_last_error());
      throw error(errc::corrupt_data, "TLS failed: " + std::string(reason != nullptr ? reason : "unknown reason"));
    }
    flush(send);
    const size_t received = receive(buffer);
    if (received == 0) throw error(errc::corrupt_data, "the connection ended within TLS");
    take(std::span(buffer).first(received));
  }
}

bool tls_stream::is_quiet_after(std::span<const std::byte> received) {
  take(received);
  ERR_clear_error();
  std::byte byte{};
  size_t count = 0;
  const int done = SSL_peek_ex(ssl_.get(), &byte, 1, &count);
  return done != 1 && SSL_get_error(ssl_.get(), done) == SSL_ERROR_WANT_READ;
}

}  // namespace fp
