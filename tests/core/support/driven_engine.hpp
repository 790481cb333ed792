#pragma once

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/engine/index_engine.hpp"
#include "core/fs/file_system.hpp"
#include "core/oplog/oplog.hpp"

namespace fp::test {

/// An index's engine on core's own log, manifest and merges, without actors: what the engine wants done waits, and
/// is carried out when a test says so. Each of those who do it takes one thing after the other.
class driven_engine final : public engine_effects {
 public:
  struct options {
    upkeep_options upkeep;
    uint64_t log_file_bytes = 600;
    size_t max_queued_updates = 1000, max_queued_bytes = size_t{1} << 20;
    std::shared_ptr<open_files> files = nullptr;
  };
  struct answer {
    std::optional<commit_id> version;
    std::optional<error> why;
  };
  using milliseconds = std::chrono::milliseconds;

  /// Folders that exist. Loads what is in them; throws what keeps it from that.
  driven_engine(file_system& fs, path data, path log, const options& o);

  uint64_t update(changes_ptr changes, std::optional<commit_id> expected_version = std::nullopt);
  void checkpoint();
  uint64_t merge_all();

  // -- Work
  /// Who has something to do: the log, the builder, a merger of each kind, the manifest.
  enum worker { the_log, the_builder, checkpointer, memory_merger, file_merger, the_manifest };
  static constexpr size_t num_workers = 6;
  std::vector<worker> busy() const;
  /// Carries out the next thing of a worker.
  void carry_out(worker w);
  /// Carries out everything, in the order of the workers.
  void run();
  /// Time passes; what the engine asked to be woken for happens.
  void advance(milliseconds by);
  /// Seals the log, as the end of a process that is not killed. Everything must have been carried out.
  void seal() { log_->close(); }

  const snapshot& served() const { return *engine.served().whole(); }
  bool log_is_broken() const { return log_->is_broken(); }

  index_engine::time_point now{std::chrono::hours(1)};
  index_engine engine;
  std::map<uint64_t, answer> answers;  ///< of updates, by number
  std::optional<error> hindrance;      ///< why it is read-only
  std::vector<std::optional<error>> checkpoints_ended;
  std::map<uint64_t, std::optional<error>> merges_ended;  ///< by round
  std::optional<error> requests_given_up;
  std::vector<std::pair<upkeep_kind, std::string>> failures;
  /// Set: thrown in place of beginning a merge.
  std::function<std::optional<error>(const merge_task&)> refuse_merge;

 private:
  void work(worker w, std::function<void()> job);
  void append(uint64_t batch, const commit_batch_ptr& commits) override;
  void build(uint64_t batch, const commit_batch_ptr& commits) override;
  void probe_log() override;
  void accept(uint64_t update, commit_id version) override;
  void refuse(uint64_t update, const error& why) override;
  void hindrance_changed(const error* why) override;
  void merge(const merge_task& task) override;
  void store(const manifest_task& task) override;
  void truncate_log(commit_id in_files) override;
  void job_done(const running_job&) override {}
  void job_failed(const running_job& job, const error& why) override;
  void job_dropped(const running_job&) override {}
  void retire(std::vector<segment_ptr>) override {}
  void checkpoint_ended(const error* why_not) override;
  void merge_ended(uint64_t round, const error* hindrance) override;
  void requests_refused(const error& why) override;
  void serving_changed(bool) override {}
  void wake_at(index_engine::time_point when) override;

  file_system& fs_;
  path data_, log_folder_;
  std::unique_ptr<oplog> log_;
  std::array<std::deque<std::function<void()>>, num_workers> work_;
  std::optional<index_engine::time_point> wake_;
  uint64_t num_updates_ = 0;
};

}  // namespace fp::test
