#pragma once

namespace fp {

/// Makes sure that an error of one TLS connection is not taken for one of another: OpenSSL keeps errors in a queue
/// a thread, `SSL_get_error` looks at it first, and CAF 0.17, which serves all connections on one thread, never
/// empties it. Linked into a program that calls this, SSL_read and SSL_write empty it themselves (handshakes do so
/// anyway).
void keep_tls_errors_apart() noexcept;

}  // namespace fp
