#include "core/metrics/index_metrics.hpp"

#include <algorithm>

#include "core/metrics/family_list.hpp"

namespace fp {

namespace {

// Of one posting: a hash is in few documents or none, so the mean is far below 1 in a small index.
constexpr uint64_t scanned_units = 1'000;

constexpr std::string_view task_names[] = {"load", "checkpoint", "memory_merge", "file_merge"};

constexpr std::string_view request_names[] = {"search", "search_batch", "update"};

/// Bounds of the searches of one index, in nanoseconds: enough to tell which index is slow.
constexpr uint64_t index_bounds[] = {20'000'000, 200'000'000, 1'000'000'000};

}  // namespace

histogram_shape index_metrics::scanned_shape() {
  // From 1 to 1,000 those of fpindex, so that its dashboards find theirs.
  static constexpr uint64_t bounds[] = {10,        100,        1'000,       2'000,        3'000,
                                        5'000,     10'000,     50'000,      100'000,      500'000,
                                        1'000'000, 10'000'000, 100'000'000, 1'000'000'000};
  return {bounds, scanned_units};
}

histogram_shape index_metrics::looked_into_shape() {
  // Up to 10 those of fpindex.
  static constexpr uint64_t bounds[] = {1, 2, 3, 5, 10, 20, 50, 100};
  return {bounds, 1};
}

histogram_shape index_metrics::segment_count_shape() {
  static constexpr uint64_t bounds[] = {2, 4, 8, 16, 32, 64, 128, 256, 1024};
  return {bounds, 1};
}

// -- Searches

void index_metrics::searched(size_t num_results, uint64_t num_hashes, uint64_t num_postings, uint64_t num_segments,
                             std::chrono::nanoseconds took) noexcept {
  (num_results > 0 ? hits_ : misses_).add();
  search_durations_.observe(took);
  if (num_hashes == 0) return;
  scanned_.observe(num_postings * scanned_units / num_hashes);
  looked_into_.observe(num_segments);
}

void index_metrics::search_failed(errc why, std::chrono::nanoseconds took) noexcept {
  search_failures_.add(why);
  search_durations_.observe(took);
}

void index_metrics::watch_search_queues(queue_depths depths) {
  std::lock_guard lock(mutex_);
  queues_.swap(depths);
}

// -- Updates

void index_metrics::updated(std::chrono::nanoseconds took) noexcept {
  updates_.add();
  update_durations_.observe(took);
}

// -- Loading

void index_metrics::load_planned(bool parallel, size_t num_segments) noexcept {
  (parallel ? parallel_loads_ : sequential_loads_).add();
  if (parallel) parallel_segments_.observe(uint64_t{num_segments});
}

void index_metrics::segment_loaded(uint64_t bytes, std::chrono::nanoseconds took) noexcept {
  loaded_bytes_.add(bytes);
  segment_loads_.observe(took);
}

void index_metrics::started_up(std::chrono::nanoseconds took) noexcept {
  of(index_task::load).started.set(0);
  startup_.observe(took);
}

// -- Upkeep

void index_metrics::task_done(index_task task, std::chrono::nanoseconds took) noexcept {
  auto& j = of(task);
  j.started.set(0);
  j.done.add();
  j.durations.observe(took);
  if (task == index_task::checkpoint) last_checkpoint_.set(unix_time());
}

void index_metrics::task_failed(index_task task) noexcept {
  of(task).started.set(0);
  of(task).failures.add();
}

bool index_metrics::is_working() const noexcept {
  return std::ranges::any_of(tasks_, [](const task_metrics& t) { return t.started.value() > 0; });
}

// -- Scrubbing

void index_metrics::scrub_done() noexcept {
  scrubs_.add();
  last_scrub_.set(unix_time());
}

// -- State

void index_metrics::set_snapshot(snapshot_ptr next) {
  const bool has_memory = next && next->entries().size() > next->num_file_segments();
  std::lock_guard lock(mutex_);
  const bool had_memory = memory_since_ > 0;
  // After a checkpoint the oldest commit in memory is about as old as the checkpoint, which took what was older.
  const bool checkpointed = had_memory && next && snapshot_ && next->file_version() > snapshot_->file_version();
  if (!has_memory) {
    memory_since_ = 0;
  } else if (!had_memory || checkpointed) {
    memory_since_ = unix_time();
  }
  // The old one goes when the lock has been let go.
  snapshot_.swap(next);
}

index_metrics::activity index_metrics::activity_so_far() const {
  return {searches(), updates_.value(), search_durations_.counts()};
}

// -- Reading

index_histograms& index_histograms::operator+=(const index_histograms& other) {
  searches += other.searches;
  scanned += other.scanned;
  looked_into += other.looked_into;
  updates += other.updates;
  segment_loads += other.segment_loads;
  startups += other.startups;
  parallel_segments += other.parallel_segments;
  checkpoints += other.checkpoints;
  memory_merges += other.memory_merges;
  file_merges += other.file_merges;
  return *this;
}

void index_histograms::write_to(family_list& out) const {
  const auto add = [&](std::string_view name, std::string_view help, const metric_labels& labels,
                       const histogram_shape& shape,
                       const histogram_counts& counts) { out.add_histogram(name, help, labels, shape, counts); };
  add("fpindex_node_search_duration_seconds",
      "Time from a search's receipt by a loaded index to its answer, failures included, of all indexes", {},
      request_durations(), searches);
  add("fpindex_scanned_docs_per_hash", "Postings that a search met, per distinct hash of its query", {},
      index_metrics::scanned_shape(), scanned);
  add("fpindex_scanned_blocks_per_hash",
      "Segments that a search looked each of its hashes up in: it reads one place in each, as fpindex reads blocks",
      {}, index_metrics::looked_into_shape(), looked_into);
  add("fpindex_update_duration_seconds", "Time from an update's receipt to its acknowledgement", {},
      request_durations(), updates);
  add("fpindex_parallel_segment_count", "Segments of a parallel load", {}, index_metrics::segment_count_shape(),
      parallel_segments);
  add("fpindex_segment_load_duration_seconds", "Time to load and verify one segment", {}, task_durations(),
      segment_loads);
  add("fpindex_startup_duration_seconds", "Time from the start of a load to ready", {}, task_durations(), startups);
  add("fpindex_checkpoint_duration_seconds", "Time that a checkpoint took, the manifest included", {},
      task_durations(), checkpoints);
  out.add_counter("fpindex_memory_merges_total", "Merges of memory segments, by fpindex's name", {},
                  double(memory_merges.total()));
  out.add_counter("fpindex_file_merges_total", "Merges of file segments, by fpindex's name", {},
                  double(file_merges.total()));
  const std::string_view merge_help = "Time that a merge took, for files the manifest included";
  add("fpindex_merge_duration_seconds", merge_help, {{"kind", "memory"}}, task_durations(), memory_merges);
  add("fpindex_merge_duration_seconds", merge_help, {{"kind", "file"}}, task_durations(), file_merges);
}

index_histograms index_metrics::histograms() const {
  return {search_durations_.counts(),
          scanned_.counts(),
          looked_into_.counts(),
          update_durations_.counts(),
          segment_loads_.counts(),
          startup_.counts(),
          parallel_segments_.counts(),
          of(index_task::checkpoint).durations.counts(),
          of(index_task::memory_merge).durations.counts(),
          of(index_task::file_merge).durations.counts()};
}

void index_metrics::write_to(family_list& out) const {
  write_requests(out);
  write_searches(out);
  write_updates(out);
  write_loading(out);
  write_tasks(out);
  write_scrubs(out);
  write_state(out);
  write_feed(out);
  write_slices(out);
}

void index_metrics::set_feed(const feed_numbers& numbers, const char* state) {
  std::lock_guard lock(mutex_);
  feed_ = numbers;
  feed_state_ = state;
}

void index_metrics::set_slices(const slice_numbers& numbers) {
  std::lock_guard lock(mutex_);
  slices_ = numbers;
}

void index_metrics::write_slices(family_list& out) const {
  std::optional<slice_numbers> numbers;
  {
    std::lock_guard lock(mutex_);
    numbers = slices_;
  }
  const metric_labels labels{{"index", index_}};
  const auto gauge = [&](std::string_view name, std::string_view help, auto slice_numbers::*value) {
    out.declare(name, help, "gauge");
    if (numbers) out.add_gauge(name, help, labels, static_cast<double>(*numbers.*value));
  };
  const auto counter = [&](std::string_view name, std::string_view help, auto slice_numbers::*value) {
    out.declare(name, help, "counter");
    if (numbers) out.add_counter(name, help, labels, static_cast<double>(*numbers.*value));
  };
  gauge("fpindex_slice_members", "Members of the cluster, this node among them", &slice_numbers::members);
  gauge("fpindex_slice_members_not_asked", "Members that searches are kept from", &slice_numbers::not_asked);
  gauge("fpindex_slices_missing", "Slices that nobody who answers holds", &slice_numbers::missing);
  counter("fpindex_slice_questions_total", "Searches that replicas of slices were asked",
          &slice_numbers::questions);
  counter("fpindex_slice_hedges_total", "Searches that a second replica was asked, too", &slice_numbers::hedges);
  counter("fpindex_slice_failures_total", "Times that a replica failed or was silent", &slice_numbers::failures);
}

void index_metrics::set_base(uint64_t bytes, uint64_t total) noexcept {
  base_bytes_.set(static_cast<double>(bytes));
  base_total_.set(static_cast<double>(total));
}

std::optional<index_metrics::feed_numbers> index_metrics::feed() const {
  std::lock_guard lock(mutex_);
  return feed_;
}

void index_metrics::write_feed(family_list& out) const {
  struct family {
    std::string_view name, help;
  };
  constexpr family states{"fpindex_replica_state", "1, with how a replica stands to its changelog as a label"},
      position{"fpindex_replica_position", "Position of the changelog that a replica is at"},
      lag{"fpindex_replica_lag_changes", "Positions that the changelog is known to be ahead of a replica"},
      lag_seconds{"fpindex_replica_lag_seconds", "How long a replica has known of something newer than it is"};
  for (const family& f : {states, position, lag, lag_seconds}) out.declare(f.name, f.help, "gauge");
  std::optional<feed_numbers> numbers;
  const char* state = "";
  {
    std::lock_guard lock(mutex_);
    numbers = feed_;
    state = feed_state_;
  }
  const metric_labels labels{{"index", index_}};
  out.add_gauge_unless_0("fpindex_replica_base_bytes",
                         "Bytes that have come of what a replica takes from elsewhere", labels,
                         base_bytes_.value());
  out.add_gauge_unless_0("fpindex_replica_base_size_bytes", "Bytes that a replica takes from elsewhere, in all",
                         labels, base_total_.value());
  out.add_gauge_unless_0("fpindex_replica_attempts", "Tries of a replica to get on that failed one after the other",
                         labels, replica_attempts_.value());
  if (!numbers) return;
  out.add_gauge(states.name, states.help, {{"index", index_}, {"state", state}}, 1);
  out.add_gauge(position.name, position.help, labels, double(numbers->applied));
  out.add_gauge(lag.name, lag.help, labels, double(numbers->lag()));
  out.add_gauge(lag_seconds.name, lag_seconds.help, labels, numbers->lag_seconds(unix_time()));
}

void index_metrics::write_requests(family_list& out) const {
  for (size_t i = 0; i < actor_requests_.size(); i++) {
    out.add_counter_unless_0("fpindex_actor_requests_total", "Requests from other programs that are actors",
                             {{"index", index_}, {"request", request_names[i]}},
                             double(actor_requests_[i].value()));
  }
}

void index_metrics::write_searches(family_list& out) const {
  const metric_labels labels{{"index", index_}};
  const auto hits = hits_.value(), misses = misses_.value();
  const auto failures = search_failures_.values({});
  uint64_t total = hits + misses;
  for (const auto& [why, count] : failures) total += count;
  out.add_counter("fpindex_searches_total", "Searches: hits, misses and failures", labels, double(total));
  out.add_counter("fpindex_search_hits_total", "Searches with at least one result", labels, double(hits));
  out.add_counter("fpindex_search_misses_total", "Searches without a result", labels, double(misses));
  const std::string_view failures_help = "Searches that were refused or did not come to their end";
  out.declare("fpindex_search_failures_total", failures_help, "counter");
  for (const auto& [why, count] : failures) {
    out.add_counter("fpindex_search_failures_total", failures_help, {{"index", index_}, {"reason", to_string(why)}},
                    double(count));
  }
  const std::string_view durations_help =
      "Time from a search's receipt by a loaded index to its answer, failures included";
  out.declare("fpindex_search_duration_seconds", durations_help, "histogram");
  if (const auto durations = search_durations_.counts(); durations.total() > 0) {
    out.add_histogram("fpindex_search_duration_seconds", durations_help, labels, search_durations_.shape(),
                      durations, index_bounds);
  }
  queue_depths queues;
  {
    std::lock_guard lock(mutex_);
    queues = queues_;
  }
  uint64_t queued = 0;
  for (const auto& q : queues) queued += q->load(std::memory_order_relaxed);
  out.add_gauge_unless_0("fpindex_queued_searches", "Searches that run or wait for a searcher", labels,
                         double(queued));
}

void index_metrics::write_updates(family_list& out) const {
  const metric_labels labels{{"index", index_}};
  out.add_counter("fpindex_updates_total", "Updates that are durable and visible", labels,
                  double(updates_.value()));
  const std::string_view failures_help = "Updates that were refused or could not be written";
  out.declare("fpindex_update_failures_total", failures_help, "counter");
  for (const auto& [why, count] : update_failures_.values({})) {
    out.add_counter("fpindex_update_failures_total", failures_help, {{"index", index_}, {"reason", to_string(why)}},
                    double(count));
  }
  out.add_gauge_unless_0("fpindex_queued_updates", "Updates that wait for the oplog or are being written", labels,
                         queued_updates_.value());
}

void index_metrics::write_loading(family_list& out) const {
  const metric_labels labels{{"index", index_}};
  out.add_counter_unless_0("fpindex_parallel_loading_total", "Loads with a pool of segment loaders", labels,
                           double(parallel_loads_.value()));
  out.add_counter_unless_0("fpindex_sequential_loading_total", "Loads with one segment loader", labels,
                           double(sequential_loads_.value()));
  out.add_counter_unless_0("fpindex_segment_load_failures_total", "Segments that could not be loaded", labels,
                           double(segment_load_failures_.value()));
  out.add_counter_unless_0("fpindex_load_failures_total", "Loads that failed, whatever the cause", labels,
                           double(of(index_task::load).failures.value()));
  out.add_counter_unless_0("fpindex_loaded_bytes_total", "Bytes of the segments that were loaded", labels,
                           double(loaded_bytes_.value()));
  out.add_gauge_unless_0("fpindex_waiting_requests", "Requests that wait for the index to become ready", labels,
                         waiting_requests_.value());
}

void index_metrics::write_tasks(family_list& out) const {
  const metric_labels labels{{"index", index_}};
  out.add_counter_unless_0("fpindex_checkpoints_total", "Times that memory was written as a file segment", labels,
                           double(of(index_task::checkpoint).done.value()));
  out.add_counter_unless_0("fpindex_memory_segment_merges_total", "Merges of memory segments", labels,
                           double(of(index_task::memory_merge).done.value()));
  out.add_counter_unless_0("fpindex_file_segment_merges_total", "Merges of file segments", labels,
                           double(of(index_task::file_merge).done.value()));
  for (size_t i = 0; i < tasks_.size(); i++) {
    const metric_labels of_task{{"index", index_}, {"task", task_names[i]}};
    if (static_cast<index_task>(i) != index_task::load) {
      out.add_counter_unless_0("fpindex_task_failures_total", "Checkpoints and merges that failed", of_task,
                               double(tasks_[i].failures.value()));
    }
    out.add_gauge_unless_0("fpindex_task_start_timestamp_seconds",
                           "When the load, checkpoint or merge that is running began, in Unix time", of_task,
                           tasks_[i].started.value());
  }
  out.add_gauge_unless_0("fpindex_last_checkpoint_timestamp_seconds",
                         "When memory was last written to a file, in Unix time", labels, last_checkpoint_.value());
  out.add_gauge_unless_0("fpindex_oplog_bytes", "Size of the oplog", labels, oplog_bytes_.value());
}

void index_metrics::write_scrubs(family_list& out) const {
  const metric_labels labels{{"index", index_}};
  out.add_counter_unless_0("fpindex_scrubbed_bytes_total",
                           "Bytes of loaded segment files that were read again to verify them", labels,
                           double(scrubbed_bytes_.value()));
  out.add_counter_unless_0("fpindex_scrubs_total", "Times that all loaded segment files were verified again",
                           labels, double(scrubs_.value()));
  out.add_gauge_unless_0("fpindex_last_scrub_timestamp_seconds",
                         "When all loaded segment files had last been verified again, in Unix time", labels,
                         last_scrub_.value());
  out.add_gauge_unless_0("fpindex_damaged_segments", "Segments that are served and that a scrub found damaged",
                         labels, damaged_segments_.value());
  out.add_gauge_unless_0("fpindex_unverified_segments",
                         "Segments that are served and whose postings nobody has verified since they were opened",
                         labels, unverified_segments_.value());
}

void index_metrics::write_state(family_list& out) const {
  const metric_labels labels{{"index", index_}};
  out.add_gauge("fpindex_index_state", "1, with the state that the index is in as a label",
                {{"index", index_}, {"state", state_.load(std::memory_order_relaxed)}}, 1);
  snapshot_ptr served;
  double memory_since = 0;
  {
    std::lock_guard lock(mutex_);
    served = snapshot_;
    memory_since = memory_since_;
  }
  if (!served) served = std::make_shared<const snapshot>();
  const auto stats = served->stats();
  uint64_t memory_bytes = 0;
  for (const auto& e : served->entries()) {
    if (e.segment->is_memory()) memory_bytes += e.segment->info().num_bytes;
  }
  out.add_gauge("fpindex_docs", "Live documents", labels, double(stats.num_documents));
  out.add_gauge("fpindex_version", "Number of the newest commit", labels, double(served->version()));
  out.add_gauge_unless_0("fpindex_file_version", "Number of the newest commit in file segments", labels,
                         double(served->file_version()));
  const metric_labels files{{"index", index_}, {"kind", "file"}}, memory{{"index", index_}, {"kind", "memory"}};
  const auto add_both = [&](std::string_view name, std::string_view help, uint64_t all, uint64_t in_memory) {
    out.add_gauge_unless_0(name, help, files, double(all - in_memory));
    out.add_gauge_unless_0(name, help, memory, double(in_memory));
  };
  add_both("fpindex_segments", "Segments", stats.num_segments, stats.num_memory_segments);
  add_both("fpindex_segment_bytes", "Bytes of the segments", stats.num_bytes, memory_bytes);
  add_both("fpindex_segment_postings", "Postings in the segments, superseded ones included", stats.num_postings,
           stats.memory_postings);
  out.add_gauge_unless_0("fpindex_oldest_memory_commit_timestamp_seconds",
                         "Since when commits are in memory and in the oplog only, in Unix time", labels,
                         memory_since);
}

}  // namespace fp
