#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "core/base/cancel.hpp"
#include "core/base/types.hpp"
#include "core/commit/changes.hpp"

namespace fp {

// What a line asks of the index.

struct line_search {
  std::vector<hash_value> query;
  uint32_t max_results = 0, top_score_percent = 0;
  uint32_t timeout_ms = 0;  ///< 0: none
  uint32_t probes = 0;      ///< bits by which found hashes may differ
};

/// All of a transaction.
struct line_commit {
  changes_ptr changes;
};

/// An attribute of the index.
struct line_get {
  std::string name;
};

using line_work = std::variant<line_search, line_commit, line_get>;

/// What came of it.
struct line_answer {
  bool ok = false;
  std::string text;  ///< of a failure: empty for the usual one of the request
};

/// The server's side of one piece of work.
class line_exchange {
 public:
  virtual ~line_exchange() = default;
  virtual void respond(line_answer answer) = 0;
  virtual const std::shared_ptr<cancel_flag>& cancel() const = 0;
};

/// Answers one piece of work: once, from any thread, now or later. When the last responder goes away without an
/// answer, the work has failed. Answers to a client that has gone are dropped.
class line_responder {
 public:
  explicit line_responder(std::shared_ptr<line_exchange> exchange) : exchange_(std::move(exchange)) {}
  void operator()(line_answer answer) const { exchange_->respond(std::move(answer)); }
  /// Raised when nobody waits for the answer any more.
  const std::shared_ptr<cancel_flag>& cancel() const { return exchange_->cancel(); }

 private:
  std::shared_ptr<line_exchange> exchange_;
};

/// Runs on the I/O thread with that number and must not block.
using line_handler = std::function<void(uint32_t io_thread, line_work, line_responder)>;

}  // namespace fp
