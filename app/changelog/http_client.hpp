#pragma once

#include <string>
#include <vector>

#include "app/changelog/http_connection.hpp"

namespace fp {

/// Asks one HTTP server, over one connection as long as the server keeps it. Follows up to `max_redirects`
/// redirects, as fpindex does, but none from `https://` to `http://`: to others only what reads (301, 302, 303) or
/// asks for the same again (307, 308); a write that would become a read is an error. Errors: those of
/// `http_connection`, and `io_error` for redirects that lead nowhere, `payload_too_large` for a body that is too
/// large. Serves one thread.
class http_client {
 public:
  using time_point = http_connection::time_point;
  static constexpr unsigned max_redirects = 10;

  /// The interruption must outlive it.
  http_client(http_url server, const interruption& stop, http_access_ptr access = nullptr)
      : server_(std::move(server)), access_(std::move(access)), connection_(stop, access_) {}

  struct answer {
    unsigned status = 0;
    std::vector<std::byte> body;
  };
  /// `target` lies below the server's path. Reads at most `max_body_bytes` of a body; of one that is no success,
  /// only as much as is fit for a message.
  answer ask(const std::string& method, const std::string& target, std::span<const std::byte> body,
             size_t max_body_bytes, time_point deadline);
  /// The same, but leaves a successful answer's body on the connection.
  unsigned begin(const std::string& method, const std::string& target, std::span<const std::byte> body,
                 time_point deadline);
  http_connection& connection() noexcept { return connection_; }
  /// Whether the last question may have had an effect: the server may have received it, and did not send it
  /// elsewhere.
  bool may_be_done() const noexcept { return may_be_done_; }

  /// What is left of a body that is fit for a message.
  std::string read_text(time_point deadline);
  const http_url& server() const noexcept { return server_; }

 private:
  void ask_once(const http_url& at, const http_question& question, time_point deadline);
  [[noreturn]] void refuse(const std::string& why) const;

  http_url server_;
  http_access_ptr access_;  ///< what it shows goes to the server alone, and not where that redirects to
  http_connection connection_;
  std::string connected_to_;
  bool may_be_done_ = false;
};

}  // namespace fp
