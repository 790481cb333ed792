#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fp {

enum class http_method : uint8_t { get, head, put, post, del, other };

/// What a handler sees of a request. Framing, limits and the Host field have been checked.
struct http_request {
  http_method method = http_method::other;
  std::string target;                       ///< as sent, without scheme and authority
  std::optional<std::string> content_type;  ///< as sent
  std::string content_encoding;             ///< as sent; empty when absent
  std::string accept;                       ///< as sent; empty when absent
  std::string if_none_match;                ///< as sent; empty when absent
  std::string authorization;                ///< as sent; empty when absent
  std::string body;
  uint32_t io_thread = 0;  ///< number of the thread that runs the connection
};

/// Produces the body of an answer piece by piece. The server asks for a piece when the one before it has been
/// written, so a slow client slows the source and nothing piles up. Destroyed early when the client goes away.
class body_source {
 public:
  /// The next piece; nothing: the body cannot be completed, and the connection is cut so that the client notices.
  /// An empty piece ends the body.
  using piece = std::optional<std::string>;
  using piece_callback = std::function<void(piece)>;

  virtual ~body_source() = default;
  /// Answers once through `deliver`, from any thread, now or later.
  virtual void next(piece_callback deliver) = 0;
};

/// How busy a server is; valid even when the server has gone.
struct http_load {
  std::shared_ptr<const std::atomic<uint32_t>> connections;
  std::shared_ptr<const std::atomic<uint32_t>> in_flight;  ///< requests that wait for their answer
  /// What counts towards `http_server_options::max_buffered_bytes`.
  std::shared_ptr<const std::atomic<uint64_t>> buffered_bytes;
};

struct http_response {
  unsigned status = 200;
  std::string content_type;  ///< empty: no such field
  std::string body;
  uint32_t retry_after_s = 0;  ///< 0: no such field
  /// Further header fields, by name. Both parts are the service's own words: nothing escapes them.
  std::vector<std::pair<std::string_view, std::string_view>> fields;
  std::shared_ptr<body_source> stream;  ///< instead of `body`, when set
  std::string internal_reason;          ///< why the service failed: for its log, and never sent
};

}  // namespace fp
