#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>

#include "core/base/cancel.hpp"
#include "core/index/snapshot.hpp"
#include "core/metrics/index_metrics.hpp"
#include "core/search/warmth.hpp"
#include "messages/requests.hpp"

namespace fp {

struct environment;
class slow_search_log;

/// Searches an index on the thread that asks, which most searches take less time for than handing them over to
/// another one. What it does not answer is asked of the index itself: that waits, finds what takes long, or says
/// why it cannot. Safe for use from many threads at once.
class direct_search {
 public:
  direct_search(const environment& env, std::shared_ptr<index_metrics> metrics, std::shared_ptr<warmth> warm);
  ~direct_search();

  /// What is searched from now on.
  void serve(snapshot_ptr index, bool maps_files);
  /// From now on nothing is.
  void withdraw() { serve(nullptr, false); }

  /// The answer, if the index is served at the wanted version, what it needs is likely to be in memory, and finding
  /// it takes no more of the processor than `own_search_budget`. Else nothing, which is not recorded. Throws
  /// `search_timeout` past the request's own time limit.
  std::optional<search_reply> try_search(const search_request& request, const cancel_flag* cancel);
  /// The same of what the caller has, for a request that `check_search` has found nothing wrong with.
  std::optional<search_reply> try_search(const snapshot& index, bool maps_files, const search_request& request,
                                         const cancel_flag* cancel);
  uint64_t num_searches() const noexcept { return num_searches_.load(std::memory_order_relaxed); }
  /// How many of the next ones are left to others after searches that were too long, however short they are.
  uint32_t num_left_to_others() const noexcept { return num_left_.load(std::memory_order_relaxed); }

 private:
  bool leaves_to_others() noexcept;
  void note_long() noexcept;

  const std::chrono::microseconds allowed_;  ///< of the processor
  const uint64_t max_bytes_;
  const std::function<uint64_t()> disk_reads_;
  const std::unique_ptr<slow_search_log> slow_;
  const std::shared_ptr<index_metrics> metrics_;
  const std::shared_ptr<warmth> warm_;
  std::atomic<uint64_t> num_searches_ = 0;
  // Races lose a count or two.
  std::atomic<uint32_t> num_left_ = 0, num_after_a_long_one_ = 0;

  std::mutex mutex_;
  snapshot_ptr index_;
  bool maps_files_ = false;
};

using direct_search_ptr = std::shared_ptr<direct_search>;

/// Those of a node's indexes, by their names. Safe for use from many threads at once.
class direct_searches {
 public:
  /// In the place of one of that name.
  void add(const std::string& index, direct_search_ptr search);
  /// Unless another one has its place.
  void remove(const std::string& index, const direct_search_ptr& search);
  /// As `direct_search::try_search`.
  std::optional<search_reply> try_search(std::string_view index, const search_request& request,
                                         const cancel_flag* cancel) const;

 private:
  mutable std::shared_mutex mutex_;
  std::map<std::string, direct_search_ptr, std::less<>> by_name_;
};

}  // namespace fp
