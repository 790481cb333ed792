#include "actors/direct_search.hpp"

#include <time.h>

#include <algorithm>
#include <utility>

#include "core/search/search.hpp"

namespace fp {

namespace {

// The next ones after a search that was too long are likely to be long, too; the more so, the more often that was
// so.
constexpr uint32_t least_left = 64, most_left = 4096;

/// What the search that runs on a thread may still take. Its clock stands still while somebody else has the
/// processor, as on a machine that is busy: such a search is no longer than others.
struct search_budget {
  std::chrono::nanoseconds allowed{0};
  steady_clock::time_point started, give_up;
  std::optional<std::chrono::nanoseconds> processor_limit;
  const std::function<uint64_t()>* disk_reads = nullptr;  ///< null: it reads from no disk
  uint64_t reads_before = 0;

  bool is_used_up() {
    if (disk_reads != nullptr && (*disk_reads)() != reads_before) return true;
    timespec used{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    const auto processor = std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
    if (!processor_limit) processor_limit = processor + allowed;
    return processor >= *processor_limit;
  }
};

thread_local search_budget budget;

steady_clock::time_point budget_clock() noexcept {
  const auto now = steady_clock::now();
  return now < budget.give_up || budget.is_used_up() ? now : budget.started;
}

/// Serves one search at a time, as a thread does.
searcher& engine_of_this_thread() {
  thread_local searcher engine;
  return engine;
}

}  // namespace

direct_search::direct_search(direct_search_limits limits, std::shared_ptr<index_metrics> metrics,
                             std::shared_ptr<warmth> warm)
    : limits_(std::move(limits)), metrics_(std::move(metrics)), warm_(std::move(warm)) {}

void direct_search::serve(snapshot_ptr index, bool maps_files) {
  const std::lock_guard lock(mutex_);
  // Freed, if it is the last reference, behind the lock.
  index_.swap(index);
  maps_files_ = maps_files;
}

bool direct_search::leaves_to_others() noexcept {
  const auto left = num_left_.load(std::memory_order_relaxed);
  if (left > 0) num_left_.store(left - 1, std::memory_order_relaxed);
  return left > 0;
}

void direct_search::note_long() noexcept {
  const auto next = std::clamp(num_after_a_long_one_.load(std::memory_order_relaxed) * 2, least_left, most_left);
  num_after_a_long_one_.store(next, std::memory_order_relaxed);
  num_left_.store(next, std::memory_order_relaxed);
}

std::optional<search_reply> direct_search::try_search(const search_request& request, const cancel_flag* cancel) {
  // Searches for near hashes take longer, nearly all of them.
  if (request.probes > 0 || !request.query.is_whole() || request.query.size() > max_query_hashes)
    return std::nullopt;
  snapshot_ptr index;
  bool maps_files = false;
  {
    const std::lock_guard lock(mutex_);
    index = index_;
    maps_files = maps_files_;
  }
  if (!index || (request.min_version && index->version() < *request.min_version)) return std::nullopt;
  if ((maps_files && !warm_->is_warm()) || leaves_to_others()) return std::nullopt;

  const auto started = steady_clock::now();
  budget = {limits_.budget, started, started + limits_.budget, {}, nullptr, 0};
  if (maps_files) {
    budget.disk_reads = &limits_.disk_reads;
    budget.reads_before = limits_.disk_reads();
  }
  search_options options;
  options.limit = std::min(request.limit, max_search_limit);
  if (request.min_score) options.min_score = *request.min_score;
  options.score_pct = request.score_pct;
  options.deadline = budget.give_up;
  options.now = budget_clock;
  options.cancel = cancel;
  options.max_bytes = limits_.max_bytes;
  std::optional<search_reply> reply;
  try {
    const auto found = engine_of_this_thread().search(*index, query_view::of_bytes(request.query.bytes()), options);
    reply.emplace(search_reply{result_list(found.results), index->version(), {}});
    metrics_->searched(found.results.size(), found.num_hashes, found.num_postings, index->entries().size(),
                       steady_clock::now() - started);
    num_searches_.fetch_add(1, std::memory_order_relaxed);
    num_after_a_long_one_.store(num_after_a_long_one_.load(std::memory_order_relaxed) / 2,
                                std::memory_order_relaxed);
  } catch (const error& e) {
    // Whatever else is wrong, the index finds out.
    if (e.code() == errc::search_timeout) note_long();
  }
  if (maps_files) warm_->searched_trusting(limits_.disk_reads() - budget.reads_before);
  return reply;
}

void direct_searches::add(const std::string& index, direct_search_ptr search) {
  const std::lock_guard lock(mutex_);
  by_name_.insert_or_assign(index, std::move(search));
}

void direct_searches::remove(const std::string& index, const direct_search_ptr& search) {
  const std::lock_guard lock(mutex_);
  const auto found = by_name_.find(index);
  if (found != by_name_.end() && found->second == search) by_name_.erase(found);
}

std::optional<search_reply> direct_searches::try_search(std::string_view index, const search_request& request,
                                                        const cancel_flag* cancel) const {
  direct_search_ptr search;
  {
    const std::shared_lock lock(mutex_);
    const auto found = by_name_.find(index);
    if (found == by_name_.end()) return std::nullopt;
    search = found->second;
  }
  return search->try_search(request, cancel);
}

}  // namespace fp
