#include "actors/direct_search.hpp"

#include <time.h>

#include <algorithm>
#include <utility>

#include "actors/search_checks.hpp"
#include "actors/search_runner.hpp"
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
  steady_clock::time_point started, give_up, deadline;
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
  return now < budget.give_up || now >= budget.deadline || budget.is_used_up() ? now : budget.started;
}

/// Serves one search at a time, as a thread does.
searcher& engine_of_this_thread() {
  thread_local searcher engine;
  return engine;
}

}  // namespace

direct_search::direct_search(const environment& env, std::shared_ptr<index_metrics> metrics,
                             std::shared_ptr<warmth> warm)
    : allowed_(env.own_search_budget),
      max_bytes_(env.settings.max_search_bytes),
      disk_reads_(env.disk_reads),
      slow_(std::make_unique<slow_search_log>(env, metrics->index())),
      metrics_(std::move(metrics)),
      warm_(std::move(warm)) {}

direct_search::~direct_search() = default;

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
  if (check_search(request)) return std::nullopt;
  snapshot_ptr index;
  bool maps_files = false;
  {
    const std::lock_guard lock(mutex_);
    index = index_;
    maps_files = maps_files_;
  }
  if (!index || (request.min_version && index->version() < *request.min_version)) return std::nullopt;
  return try_search(*index, maps_files, request, cancel);
}

std::optional<search_reply> direct_search::try_search(const snapshot& index, bool maps_files,
                                                      const search_request& request, const cancel_flag* cancel) {
  // Searches for near hashes take longer, nearly all of them.
  if (request.probes > 0 || (maps_files && !warm_->is_warm()) || leaves_to_others()) return std::nullopt;

  const auto started = steady_clock::now();
  budget = {allowed_, started, started + allowed_, search_deadline(request, started), {}, nullptr, 0};
  if (maps_files) {
    budget.disk_reads = &disk_reads_;
    budget.reads_before = disk_reads_();
  }
  search_options options = options_of(request, max_bytes_);
  options.deadline = std::min(budget.give_up, budget.deadline);
  options.now = budget_clock;
  options.cancel = cancel;
  const auto note_reads = [&] {
    if (maps_files) warm_->searched_trusting(disk_reads_() - budget.reads_before);
  };
  std::optional<search_reply> reply;
  try {
    const auto found = engine_of_this_thread().search(index, query_view::of_bytes(request.query.bytes()), options);
    reply.emplace(search_reply{result_list(found.results), index.version(), {}});
    const auto time = steady_clock::now() - started;
    metrics_->searched(found.results.size(), found.num_hashes, found.num_postings, index.entries().size(), time);
    if (time >= slow_search_log::least) slow_->note(request, time, outcome_text(found));
    num_searches_.fetch_add(1, std::memory_order_relaxed);
    num_after_a_long_one_.store(num_after_a_long_one_.load(std::memory_order_relaxed) / 2,
                                std::memory_order_relaxed);
  } catch (const error& e) {
    const auto now = steady_clock::now();
    if (e.code() == errc::search_timeout && now >= budget.deadline) {
      metrics_->search_failed(e.code(), now - started);
      slow_->note(request, now - started, e.what());
      num_searches_.fetch_add(1, std::memory_order_relaxed);
      note_reads();
      throw;
    }
    if (e.code() == errc::search_timeout) note_long();
  } catch (const std::exception&) {
    // Whatever else is wrong, the index finds out.
  }
  note_reads();
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
