#pragma once

#include <functional>

#include "app/client/client.hpp"
#include "app/support/system_config.hpp"
#include "tests/bench/bench.hpp"

namespace fp::bench {

inline constexpr uint64_t documents_per_update = 1'000;
inline constexpr size_t updates_in_flight = 4;
inline const std::string index_name = "main";

/// A client of a node with an actor system of its own.
struct node_client {
  /// `create`: makes the index.
  explicit node_client(uint16_t port, bool create = true);

  system_config settings;
  caf::actor_system system{settings};
  client node;
};

/// Updates of uniform documents with consecutive ids.
class update_source {
 public:
  update_source(uint64_t seed, uint32_t hashes_per_document, document_id first = 1)
      : documents_(seed, hashes_per_document), next_id_(first) {}
  update_request next(uint64_t num_documents);

 private:
  uniform_documents documents_;
  document_id next_id_;
};

/// Sends `documents` in updates of 1,000, a few unanswered at a time; `answered` hears how many were in each that
/// is durable.
void feed(
    client& node, update_source& source, uint64_t documents,
    const std::function<void(uint64_t documents)>& answered = [](uint64_t) {});

/// Waits until the index is loaded and returns how that went.
load_progress wait_until_loaded(client& node);

}  // namespace fp::bench
