#pragma once

#include <atomic>
#include <memory>
#include <optional>

#include "actors/environment.hpp"
#include "actors/guarded_actor.hpp"
#include "actors/search_runner.hpp"

namespace fp {

/// How many searches wait at one searcher: raised by who hands out work, lowered by the searcher.
using queue_depth = std::shared_ptr<std::atomic<uint32_t>>;

/// Runs searches on snapshots. The coordinator delegates a request to it and the client gets the answer from here:
///
///     client --search_request--> index_coordinator --search_task--> searcher --search_reply--> client
struct searcher_state {
  static inline const char* name = "searcher";

  queue_depth depth;
  std::optional<search_runner> runner;

  caf::result<search_reply> search(const search_task& task);
  caf::result<search_batch_reply> search_batch(const search_batch_task& task);
};

searcher_handle::behavior_type searcher_actor(guarded_pointer<searcher_handle, searcher_state> self,
                                              queue_depth depth, index_metrics_ptr metrics,
                                              uint64_t max_search_bytes);

}  // namespace fp
