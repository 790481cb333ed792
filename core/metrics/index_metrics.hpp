#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/index/snapshot.hpp"
#include "core/metrics/primitives.hpp"

namespace fp {

class family_list;

/// What an index does in the background.
enum class index_task : uint8_t { load, checkpoint, memory_merge, file_merge };

/// What other programs ask an index for as actors, not through a gateway.
enum class actor_request : uint8_t { search, search_batch, update };

/// The distributions of what indexes do. Of single indexes they would be most of what metrics take, so they are
/// shown of a whole node.
struct index_histograms {
  histogram_counts searches, scanned, looked_into, updates;
  histogram_counts segment_loads, startups, parallel_segments;
  histogram_counts checkpoints, memory_merges, file_merges;

  index_histograms& operator+=(const index_histograms& other);
  void write_to(family_list& out) const;
};

/// All that is measured of one index. Every method may be called from any thread, at any time; those of searches
/// and updates cost a few atomic additions.
class index_metrics {
 public:
  using queue_depths = std::vector<std::shared_ptr<const std::atomic<uint32_t>>>;

  explicit index_metrics(std::string index) : index_(std::move(index)) {}
  index_metrics(const index_metrics&) = delete;
  index_metrics& operator=(const index_metrics&) = delete;

  const std::string& index() const noexcept { return index_; }

  void requested(actor_request what) noexcept { actor_requests_[static_cast<size_t>(what)].add(); }

  // -- Searches
  /// A search that was answered: with `num_results`, after it met `num_postings` of its `num_hashes` hashes in
  /// `num_segments`.
  void searched(size_t num_results, uint64_t num_hashes, uint64_t num_postings, uint64_t num_segments,
                std::chrono::nanoseconds took) noexcept;
  /// A search that ran and failed.
  void search_failed(errc why, std::chrono::nanoseconds took) noexcept;
  /// Searches that never ran.
  void search_refused(errc why, uint64_t count = 1) noexcept { search_failures_.add(why, count); }
  /// Where searches wait; looked at when metrics are read.
  void watch_search_queues(queue_depths depths);

  // -- Updates
  void updated(std::chrono::nanoseconds took) noexcept;
  void updates_failed(errc why, uint64_t count = 1) noexcept { update_failures_.add(why, count); }
  void set_queued_updates(size_t count) noexcept { queued_updates_.set(static_cast<double>(count)); }

  // -- Loading
  void load_planned(bool parallel, size_t num_segments) noexcept;
  void segment_loaded(uint64_t bytes, std::chrono::nanoseconds took) noexcept;
  void segment_load_failed() noexcept { segment_load_failures_.add(); }
  /// The load that began with `task_started` has made the index ready.
  void started_up(std::chrono::nanoseconds took) noexcept;
  void set_waiting_requests(size_t count) noexcept { waiting_requests_.set(static_cast<double>(count)); }

  // -- Upkeep
  /// Jobs of one kind never run side by side.
  void task_started(index_task task) noexcept { of(task).started.set(unix_time()); }
  void task_done(index_task task, std::chrono::nanoseconds took) noexcept;
  void task_failed(index_task task) noexcept;
  /// Given up for a reason that is no failure of its own.
  void task_dropped(index_task task) noexcept { of(task).started.set(0); }
  void set_oplog_bytes(uint64_t bytes) noexcept { oplog_bytes_.set(static_cast<double>(bytes)); }

  /// Whether a load, a checkpoint or a merge runs.
  bool is_working() const noexcept;

  // -- Scrubbing
  void scrubbed(uint64_t bytes) noexcept { scrubbed_bytes_.add(bytes); }
  /// All segments that had files when it began were read again.
  void scrub_done() noexcept;
  void set_unverified_segments(size_t count) noexcept { unverified_segments_.set(static_cast<double>(count)); }
  void set_damaged_segments(size_t count) noexcept { damaged_segments_.set(static_cast<double>(count)); }

  // -- Following
  /// What a replica is at, and what its changelog is known to hold.
  struct feed_numbers {
    uint64_t applied = 0, newest = 0;
    double behind_since = 0;  ///< Unix time since when something newer is known; 0: nothing is

    uint64_t lag() const noexcept { return newest > applied ? newest - applied : 0; }
    double lag_seconds(double now) const noexcept {
      return behind_since > 0 && now > behind_since ? now - behind_since : 0;
    }
  };
  /// `state` lives forever.
  void set_feed(const feed_numbers& numbers, const char* state);
  /// Nothing of an index that follows no changelog.
  std::optional<feed_numbers> feed() const;
  /// Of a replica that takes all of it from elsewhere: how much has come, of how much; and how many tries to get on
  /// have failed, one after the other.
  void set_base(uint64_t bytes, uint64_t total) noexcept;
  void set_attempts(uint32_t count) noexcept { replica_attempts_.set(static_cast<double>(count)); }

  // -- Slices
  /// What the router of an index knows of its slices, and what it has asked since it was there.
  struct slice_numbers {
    size_t members = 0;    ///< this node among them
    size_t not_asked = 0;  ///< of them
    size_t missing = 0;    ///< slices that nobody answers for
    uint64_t questions = 0, hedges = 0, failures = 0;
  };
  void set_slices(const slice_numbers& numbers);

  // -- State
  static constexpr std::string_view state_names[] = {"loading", "ready", "read_only", "failed", "closing"};
  /// `state` is one of `state_names` and lives forever.
  void set_state(const char* state) noexcept { state_.store(state, std::memory_order_relaxed); }
  /// What is served. Counted when metrics are read, so that publishing a snapshot costs nothing.
  void set_snapshot(snapshot_ptr next);

  /// For rates and percentiles.
  struct activity {
    uint64_t searches = 0, updates = 0;
    histogram_counts search_durations;
  };
  activity activity_so_far() const;

  /// What says something of this index. A value of the contract is always there, any other one when it is not 0:
  /// most of thousands of indexes rest.
  void write_to(family_list& out) const;
  index_histograms histograms() const;

 private:
  struct task_metrics {
    gauge started;  ///< Unix time; 0: does not run
    counter done, failures;
    histogram durations{task_durations()};
  };
  task_metrics& of(index_task task) noexcept { return tasks_[static_cast<size_t>(task)]; }
  const task_metrics& of(index_task task) const noexcept { return tasks_[static_cast<size_t>(task)]; }
  uint64_t searches() const { return hits_.value() + misses_.value() + search_failures_.total(); }
  void write_requests(family_list& out) const;
  void write_searches(family_list& out) const;
  void write_updates(family_list& out) const;
  void write_loading(family_list& out) const;
  void write_tasks(family_list& out) const;
  void write_scrubs(family_list& out) const;
  void write_state(family_list& out) const;
  void write_feed(family_list& out) const;
  void write_slices(family_list& out) const;
  friend struct index_histograms;
  static histogram_shape scanned_shape();
  static histogram_shape looked_into_shape();
  static histogram_shape segment_count_shape();

  const std::string index_;

  std::array<counter, 3> actor_requests_;

  counter hits_, misses_;
  failure_counters search_failures_;
  histogram search_durations_{request_durations()};
  histogram scanned_{scanned_shape()}, looked_into_{looked_into_shape()};

  counter updates_;
  failure_counters update_failures_;
  histogram update_durations_{request_durations()};
  gauge queued_updates_;

  counter parallel_loads_, sequential_loads_, loaded_bytes_, segment_load_failures_;
  histogram segment_loads_{task_durations()}, startup_{task_durations()}, parallel_segments_{segment_count_shape()};
  gauge waiting_requests_;

  std::array<task_metrics, 4> tasks_;
  gauge last_checkpoint_;
  gauge oplog_bytes_;

  counter scrubbed_bytes_, scrubs_;
  gauge last_scrub_, damaged_segments_, unverified_segments_;

  std::atomic<const char*> state_ = "loading";
  mutable std::mutex mutex_;  ///< held for no longer than it takes to copy a pointer or a short list
  snapshot_ptr snapshot_;
  double memory_since_ = 0;  ///< Unix time since when there are memory segments; 0: there are none
  queue_depths queues_;
  std::optional<feed_numbers> feed_;
  const char* feed_state_ = "";
  std::optional<slice_numbers> slices_;
  gauge base_bytes_, base_total_, replica_attempts_;
};

using index_metrics_ptr = std::shared_ptr<index_metrics>;

}  // namespace fp
