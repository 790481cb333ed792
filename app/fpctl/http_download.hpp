#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/fpindex/byte_source.hpp"

namespace fp::ctl {

/// Where an HTTP server answers, without TLS: `http://HOST[:PORT][/PATH]`.
struct http_url {
  std::string host;
  std::string port = "80";
  std::string path;  ///< without slashes around it; may be empty

  std::string address() const { return host + ":" + port; }
};

/// Whether a text is meant as a URL.
bool is_url(const std::string& text);
/// Throws `bad_request` for one that is no such URL.
http_url parse_url(const std::string& text);

/// The answer to one GET, whose body is read as it comes: plain or in chunks. Throws
/// `request_timeout` (nothing came for as long as may be waited), `io_error` (no connection, or it was lost) or
/// `corrupt_data` (no HTTP, or the body ends early), with the server's address.
class http_download final : public fpindex::byte_source {
 public:
  /// Waits for the answer's head. `limit` bounds each wait: for the connection, the head, and each piece of the
  /// body.
  http_download(const http_url& url, const std::string& target, std::chrono::milliseconds limit);
  ~http_download() override;

  unsigned status() const noexcept;
  size_t read(std::span<std::byte> out) override;

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace fp::ctl
