#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "tests/bench/bench.hpp"

namespace fp::bench {

enum class body_format { json, msgpack };

/// Writes documents over one HTTP connection, a batch a request. What it costs to make the bodies is little beside
/// what the node does with them.
class http_feeder {
 public:
  http_feeder(uint16_t port, body_format format);
  ~http_feeder();
  http_feeder(const http_feeder&) = delete;
  http_feeder& operator=(const http_feeder&) = delete;

  /// Inserts `count` documents with ids from `first_id` on. Throws what the node answers when it refuses.
  void insert(uniform_documents& documents, document_id first_id, uint64_t count);

 private:
  void read_answer();

  int socket_;
  body_format format_;
  std::string request_, body_;
};

}  // namespace fp::bench
