#pragma once

#include <memory>
#include <optional>
#include <string>

#include "core/engine/served_index.hpp"
#include "core/engine/upkeep_jobs.hpp"
#include "core/engine/write_gate.hpp"
#include "core/engine/write_queue.hpp"
#include "core/merge/damaged_inputs_error.hpp"

namespace fp {

/// What an engine wants done. Each is begun, not done, when its function returns: what comes of it is told to the
/// engine later, never from within.
class engine_effects {
 public:
  virtual ~engine_effects() = default;

  // -- Writing
  /// Make commits durable in the log; `log_appended` or `log_failed` tells of it.
  virtual void append(uint64_t batch, const commit_batch_ptr& commits) = 0;
  /// Index the same commits in memory; `segment_built` or `build_failed` tells of it.
  virtual void build(uint64_t batch, const commit_batch_ptr& commits) = 0;
  /// Find out whether the log can be written to; `log_probed` tells.
  virtual void probe_log() = 0;
  virtual void accept(uint64_t update, commit_id version) = 0;
  virtual void refuse(uint64_t update, const error& why) = 0;
  /// Why the index is read-only from now on; null: it takes writes.
  virtual void hindrance_changed(const error* why) = 0;

  // -- Upkeep
  /// `merged` or `merge_failed` tells of it. Throws what keeps it from being begun.
  virtual void merge(const merge_task& task) = 0;
  /// `manifest_stored` or `store_failed` tells of it.
  virtual void store(const manifest_task& task) = 0;
  /// Drop what of the log is in files.
  virtual void truncate_log(commit_id in_files) = 0;
  /// The result of a job is served.
  virtual void job_done(const running_job& job) = 0;
  /// Its inputs are served on.
  virtual void job_failed(const running_job& job, const error& why) = 0;
  /// Nobody wants it any more.
  virtual void job_dropped(const running_job& job) = 0;
  /// Segments that are searched no more, to be let go of where nobody waits.
  virtual void retire(std::vector<segment_ptr> segments) = 0;
  /// What was served at the last `request_checkpoint` is in files, or could not be written.
  virtual void checkpoint_ended(const error* why_not) = 0;
  /// The merges on request that `request_merge` answered with `round` are done, but for what hinders them.
  virtual void merge_ended(uint64_t round, const error* hindrance) = 0;
  /// Whatever was requested is given up.
  virtual void requests_refused(const error& why) = 0;

  // -- Serving
  /// Another snapshot is served. `maps_new_files`: of files that may not be in memory yet.
  virtual void serving_changed(bool maps_new_files) = 0;
  /// Call `look` at this time, if not earlier.
  virtual void wake_at(std::chrono::steady_clock::time_point when) = 0;
};

/// The decisions of one index from its load to its end: which updates become a batch and when, when they are
/// published and answered, what upkeep runs, in which order its results replace what is served, what of the log can
/// go, whether the index takes writes. Events in, effects out; knows no actors, files or clocks.
///
///     update -> append and build, side by side -> published, accepted
///     merge -> in memory: published; into a file: store -> published; a checkpoint: -> truncate_log
///
/// At most one batch is on its way to the disk while the next one gathers.
class index_engine {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  struct options {
    std::string index;  ///< its name, for messages
    size_t max_queued_updates = 0, max_queued_bytes = 0;
    upkeep_options upkeep;
  };
  struct totals {
    uint64_t updates = 0, checkpoints = 0, memory_merges = 0, file_merges = 0;
  };

  /// `effects` must outlive it.
  index_engine(const options& o, std::unique_ptr<commit_order> order, engine_effects& effects);

  // -- Loading
  /// The segments in files are loaded; they are served once the log is read.
  void files_loaded(std::vector<segment_ptr> segments);
  /// What the log holds beyond them, oldest first: `num_commits`; `log_bytes` is all of the log.
  void log_loaded(std::span<const segment_ptr> segments, uint64_t num_commits, uint64_t log_bytes, time_point now);
  /// All is loaded: writes and upkeep begin.
  void start(time_point now);
  /// Serves nothing any more. Updates that wait are refused, jobs forgotten; a batch on its way is still answered.
  void stop(const error& why);
  /// Writes out what waits, even where there is no room in memory, and begins nothing else.
  void close(time_point now);
  /// Forgets the jobs; whoever waits for one hears why.
  void drop_jobs(const error& why);
  /// All updates are answered with an error, those that are on their way too.
  void refuse_updates(const error& why);

  // -- Writing
  /// Throws `overloaded`, or why nothing can be written before the index is loaded anew.
  void update(queued_update update, time_point now);
  void log_appended(uint64_t batch, time_point now);
  void log_failed(uint64_t batch, const error& why, time_point now);
  void segment_built(uint64_t batch, segment_ptr segment, time_point now);
  void build_failed(uint64_t batch, const error& why, time_point now);
  /// Answers whether the log is known to work again by it.
  bool log_probed(bool works, time_point now);
  /// Nothing can be written before the index is loaded anew.
  void block_writes(const std::string& why);

  // -- Upkeep
  /// Whether manifests can be written.
  void can_store(bool can, time_point now);
  void merged(uint64_t job, segment_ptr result, time_point now);
  void merge_failed(uint64_t job, const error& why, std::span<const damaged_input> damaged, time_point now);
  void manifest_stored(uint64_t job, time_point now);
  void store_failed(uint64_t job, const error& why, time_point now);
  /// A segment is right again, as far as anybody knows.
  void mended(const segment_info& segment, time_point now);
  /// All that is served now is to be in files; `checkpoint_ended` tells when. Begins with the next `look`.
  void request_checkpoint(time_point now);
  /// All that is served now is to be in files and merged. Answers with a number for `merge_ended`. Begins with the
  /// next `look`.
  uint64_t request_merge(time_point now);
  /// Whoever waits for a checkpoint or merge hears that there is none.
  void refuse_requests(const error& why);
  /// Upkeep goes by these from now on.
  void configure(const upkeep_options& upkeep, time_point now);
  /// Begins what is due by now.
  void look(time_point now);

  // -- What is
  const served_index& served() const noexcept { return served_; }
  const upkeep_planner& planner() const noexcept { return planner_; }
  const upkeep_jobs& jobs() const noexcept { return jobs_; }
  const write_gate& gate() const noexcept { return gate_; }
  const totals& counts() const noexcept { return counts_; }
  size_t num_queued() const noexcept { return queue_.size(); }
  size_t num_queued_bytes() const noexcept { return queue_.num_bytes(); }
  /// Updates that wait or are on their way.
  size_t num_updates() const noexcept { return queue_.size() + (batch_ ? batch_->updates.size() : 0); }
  bool has_batch() const noexcept { return batch_.has_value(); }
  /// Whether all accepted writes are answered and no manifest is being written.
  bool is_quiet() const noexcept { return !batch_ && queue_.empty() && !jobs_.is_storing(); }

 private:
  enum class activity { stopped, serving, closing };
  struct batch_in_flight : write_batch {
    uint64_t number = 0;
    segment_ptr segment;
    bool durable = false;
  };

  bool is_of_batch(uint64_t number) const { return batch_ && batch_->number == number; }
  void start_batch(time_point now);
  void finish_batch_if_done(time_point now);
  /// Nothing of the batch counts; only searches are served until a write succeeds again.
  void fail_batch(const error& why, time_point now);
  void answer_batch(const batch_in_flight& failed, const error& why);
  void refuse_queued(const error& why);
  error memory_error() const;
  /// Tells when what hinders writes has changed.
  void look_at_gate();
  void wake_for_probe();

  void schedule(time_point now);
  void store_next();
  void publish(uint64_t job, time_point now);
  void fail_job(uint64_t job, const error& why, std::span<const damaged_input> damaged, time_point now);
  void answer_requests();

  std::string index_;
  std::unique_ptr<commit_order> order_;
  engine_effects& effects_;
  activity activity_ = activity::stopped;
  served_index served_;
  write_queue queue_;
  write_gate gate_;
  std::string told_hindrance_;
  std::optional<batch_in_flight> batch_;
  uint64_t batches_ = 0;
  upkeep_planner planner_;
  upkeep_jobs jobs_;
  bool can_store_ = false;
  bool checkpoint_requested_ = false;
  totals counts_;
};

}  // namespace fp
