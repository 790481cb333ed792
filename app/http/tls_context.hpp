#pragma once

#include <boost/asio/ssl/context.hpp>
#include <memory>
#include <mutex>

#include "app/tls/tls_files.hpp"

namespace fp {

/// What a server's new TLS connections are made with. Safe for use from many threads.
class tls_server_context {
 public:
  using context_ptr = std::shared_ptr<boost::asio::ssl::context>;

  /// TLS 1.2 or newer. Throws `invalid_configuration` when OpenSSL does not take the credentials.
  explicit tls_server_context(const tls_credentials& credentials);

  /// Takes other credentials for connections from now on; throws as the constructor does and changes nothing then.
  void replace(const tls_credentials& credentials);
  context_ptr current() const;

 private:
  mutable std::mutex mutex_;
  context_ptr context_;
};

}  // namespace fp
