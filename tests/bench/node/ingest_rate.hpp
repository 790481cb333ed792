#pragma once

#include <utility>
#include <vector>

#include "tests/bench/node/parts.hpp"

namespace fp::bench {

/// How fast documents became durable.
struct ingest_result {
  double rate = 0;                                 ///< documents a second, until the last one was acknowledged
  double upkeep_seconds = 0;                       ///< from there until the checkpoint that follows was written
  double client_share = 0;                         ///< of one core, that the client took
  std::vector<std::pair<double, double>> by_time;  ///< seconds from the start, documents a second around there
};

enum class ingest_way { actors, msgpack, json };

/// Feeds a fresh node `o.documents` documents in batches of 1,000, over remote actors or HTTP.
ingest_result ingest(const node_options& o, ingest_way way);

}  // namespace fp::bench
