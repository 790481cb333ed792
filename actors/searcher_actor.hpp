#pragma once

#include <atomic>
#include <memory>

#include "actors/environment.hpp"
#include "actors/guarded_actor.hpp"
#include "core/search/search.hpp"

namespace fp {

/// How many searches wait at one searcher: raised by who hands out work, lowered by the searcher.
using queue_depth = std::shared_ptr<std::atomic<uint32_t>>;

/// Runs searches on snapshots. The coordinator delegates a request to it and the client gets the answer from here:
///
///     client --search_request--> index_coordinator --search_task--> searcher --search_reply--> client
struct searcher_state {
  static inline const char* name = "searcher";

  queue_depth depth;
  index_metrics_ptr metrics;
  searcher engine;

  caf::result<search_reply> search(const search_task& task);
  caf::result<search_batch_reply> search_batch(const search_batch_task& task);

 private:
  /// Searches and records it, as having begun at `started`.
  search_reply run(const snapshot& index, const search_request& request, steady_clock::time_point started,
                   steady_clock::time_point deadline, const cancel_flag* cancel = nullptr);
};

searcher_handle::behavior_type searcher_actor(guarded_pointer<searcher_handle, searcher_state> self,
                                              queue_depth depth, index_metrics_ptr metrics);

/// When a search that came in at `received` must have ended.
steady_clock::time_point search_deadline(const search_request& request, steady_clock::time_point received);

}  // namespace fp
