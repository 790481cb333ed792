#pragma once

#include <atomic>
#include <memory>
#include <optional>

#include "actors/environment.hpp"
#include "actors/guarded_actor.hpp"
#include "actors/search_runner.hpp"
#include "actors/worker_pool.hpp"
#include "core/search/warmth.hpp"

namespace fp {

/// How many searches wait at one searcher: raised by who hands out work, lowered by the searcher.
using queue_depth = std::shared_ptr<std::atomic<uint32_t>>;

/// What searchers tell their coordinator without a message: how warm the index is.
using warmth_ptr = std::shared_ptr<warmth>;

struct searcher_setup {
  environment_ptr env;
  queue_depth depth;
  index_metrics_ptr metrics;
  warmth_ptr warm;
  unreadable_listener owner;
};

/// Runs searches on snapshots, and looks up documents. The coordinator delegates a request to it and the client
/// gets the answer from here:
///
///     client --search_request--> index_coordinator --search_task--> searcher --search_reply--> client
struct searcher_state {
  static inline const char* name = "searcher";

  using pointer = guarded_pooled_pointer<searcher_handle, searcher_state>;

  pointer self = nullptr;
  searcher_setup setup;
  std::optional<search_runner> runner;

  caf::result<search_reply> search(const search_task& task);
  caf::result<search_batch_reply> search_batch(const search_batch_task& task);
  caf::result<document_reply> document(const document_task& task);
  /// What to answer instead of a result. A segment that cannot be read is the coordinator's business, too.
  caf::error failure(const std::exception& e);
};

searcher_handle::behavior_type searcher_actor(searcher_state::pointer self, searcher_setup setup);

/// The answer to who asks for a document. Throws `document_not_found`, and as `snapshot::find`.
document_reply find_document(const snapshot& index, const std::string& index_name, document_id id);

}  // namespace fp
