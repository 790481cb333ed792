#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "app/changelog/http_access.hpp"

struct ssl_st;

namespace fp {

/// The client's end of TLS on a connection whose bytes others send and receive. After an error it is of no use.
class tls_stream {
 public:
  /// Sends all of some bytes.
  using sender = std::function<void(std::span<const std::byte>)>;
  /// Waits for bytes and returns how many there are; 0 at the end of the connection.
  using receiver = std::function<size_t(std::span<std::byte>)>;

  /// `host`: a name or an address, which the server's certificate must be for.
  tls_stream(const http_access& access, const std::string& host);
  ~tls_stream();
  tls_stream(const tls_stream&) = delete;
  tls_stream& operator=(const tls_stream&) = delete;

  /// Throws `io_error` when either side does not take the other.
  void shake_hands(const sender& send, const receiver& receive);
  void write(std::span<const std::byte> bytes, const sender& send);
  /// Waits for bytes; 0 at the end that the server tells of. Throws `corrupt_data` for any other end.
  size_t read(std::span<std::byte> out, const sender& send, const receiver& receive);
  /// Takes what has come already. False when that is more than what TLS itself needs.
  bool is_quiet_after(std::span<const std::byte> received);

 private:
  void flush(const sender& send);
  void take(std::span<const std::byte> received);
  [[noreturn]] void fail_handshake();

  const http_access& access_;
  std::string host_;
  struct freed {
    void operator()(ssl_st* s) const noexcept;
  };
  std::unique_ptr<ssl_st, freed> ssl_;
};

}  // namespace fp
