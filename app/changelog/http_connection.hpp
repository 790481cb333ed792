#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "app/changelog/http_access.hpp"
#include "app/changelog/http_url.hpp"
#include "app/changelog/interruption.hpp"

namespace fp {

struct http_question {
  std::string method = "GET";
  std::string target;  ///< of the request line: no spaces, no line ends
  std::string host;    ///< HOST:PORT
  std::string user_agent = "fpnode";
  std::string accept = {};          ///< a media type; empty: none is asked for
  std::string authorization = {};   ///< value of that field; empty: none is sent
  std::span<const std::byte> body;  ///< its length is sent for all methods but GET
  bool keep_alive = true;
};

/// The client's end of one HTTP/1.1 connection, by TLS where the URL says so. Each wait has a deadline, and ends at
/// once when the interruption is raised. Throws `request_timeout` (the deadline, or the interruption), `io_error`
/// (no connection, or it was lost), `corrupt_data` (no HTTP, or an answer that ends early), with the server's
/// address. After an error it is closed. Serves one thread.
class http_connection {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  /// The interruption must outlive it. `access`: by what servers with TLS are known; null: there are none.
  explicit http_connection(const interruption& stop, http_access_ptr access = nullptr);
  ~http_connection();
  http_connection(const http_connection&) = delete;
  http_connection& operator=(const http_connection&) = delete;

  /// Tries all addresses of the host, one after the other.
  void connect(const http_url& to, time_point deadline);
  /// Whether another question may be asked over it: it is open, the last answer was read to its end, and the server
  /// has sent nothing since, nor its end.
  bool can_ask() const;
  void close() noexcept;

  /// Sends a question and waits for the head of the answer.
  void ask(const http_question& question, time_point deadline);
  /// Whether the server may have received the last question.
  bool was_sent() const noexcept;
  /// Whether anything of its answer has come.
  bool is_answered() const noexcept;

  unsigned status() const noexcept;
  /// A field of the answer's head; empty when it is not there.
  std::string field(const std::string& name) const;
  /// Fills a prefix of `out` with what comes next of the body, and returns its length; 0 only at the end.
  size_t read(std::span<std::byte> out, time_point deadline);
  /// The same, less than all of `out` only where the body ends.
  size_t read_up_to(std::span<std::byte> out, time_point deadline);

 private:
  struct state;
  std::unique_ptr<state> state_;
};

}  // namespace fp
