#pragma once

#include <chrono>
#include <string>

#include "app/changelog/http_connection.hpp"
#include "core/fpindex/byte_source.hpp"

namespace fp::ctl {

/// The answer to one GET, whose body is read as it comes: plain or in chunks. Throws
/// `request_timeout` (nothing came for as long as may be waited), `io_error` (no connection, or it was lost) or
/// `corrupt_data` (no HTTP, or the body ends early), with the server's address.
class http_download final : public fpindex::byte_source {
 public:
  /// Waits for the answer's head. `limit` bounds each wait: for the connection, the head, and each piece of the
  /// body.
  http_download(const http_url& url, const std::string& target, std::chrono::milliseconds limit);

  unsigned status() const noexcept { return connection_.status(); }
  size_t read(std::span<std::byte> out) override;

 private:
  template <class F>
  auto within_limit(F&& wait);

  std::string address_;
  std::chrono::milliseconds limit_;
  interruption never_;
  http_connection connection_{never_};
};

}  // namespace fp::ctl
