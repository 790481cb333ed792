#include "app/tls/tls_error_queue.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

// A program's own definitions come before those of the libraries that it is linked to, also for other libraries.
extern "C" {

int SSL_read(SSL* connection, void* buffer, int bytes) {
  ERR_clear_error();
  size_t done = 0;
  if (bytes < 0 || SSL_read_ex(connection, buffer, static_cast<size_t>(bytes), &done) != 1) return -1;
  return static_cast<int>(done);
}

int SSL_write(SSL* connection, const void* buffer, int bytes) {
  ERR_clear_error();
  size_t done = 0;
  if (bytes < 0 || SSL_write_ex(connection, buffer, static_cast<size_t>(bytes), &done) != 1) return -1;
  return static_cast<int>(done);
}

}  // extern "C"

namespace fp {

void keep_tls_errors_apart() noexcept { ERR_clear_error(); }

}  // namespace fp
