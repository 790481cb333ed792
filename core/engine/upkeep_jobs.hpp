#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/engine/served_index.hpp"
#include "core/index/manifest.hpp"
#include "core/upkeep/upkeep_planner.hpp"

namespace fp {

/// Merge neighbours, as `merge_to_file` and `merge_to_memory` do.
struct merge_task {
  uint64_t job = 0;  ///< its number
  upkeep_kind kind = upkeep_kind::checkpoint;
  snapshot_ptr index;
  size_t first = 0, count = 0;  ///< of `index`
  std::string file_name;        ///< of the result, in the folder of segments; empty: a memory segment
  uint64_t spare_bytes = 0;     ///< that a merge of files leaves to others on the disk
};

/// Replace the manifest, then remove files.
struct manifest_task {
  uint64_t job = 0;  ///< whose result it makes count
  std::shared_ptr<const manifest> names;
  /// Files that `names` does not name any more.
  std::shared_ptr<const std::vector<std::string>> obsolete;
};

/// A merge from its beginning until its result is served.
struct running_job {
  uint64_t number = 0;
  upkeep_kind kind = upkeep_kind::checkpoint;
  std::vector<segment_ptr> inputs;  ///< oldest first
  std::string file_name;            ///< as in `merge_task`
  segment_ptr merged;               ///< null: it is being made
  std::chrono::steady_clock::time_point began;
};

/// The jobs of an index's upkeep: at most one of each kind. A result in a file counts from the moment when a
/// manifest names it; manifests are written one after the other.
class upkeep_jobs {
 public:
  /// Begins what the planner has chosen. Its number is a new one, so that what is heard of a forgotten job is known
  /// as such.
  merge_task begin(const upkeep_job& chosen, const served_index& served, std::chrono::steady_clock::time_point now);
  /// The merge of a job is made. Answers whether there is such a job, and whether it waits for a manifest now.
  enum class next_step { none, serve, store };
  next_step merged(uint64_t job, segment_ptr result);
  /// What is to be written next, given the files that are served; nothing while one is written or none is wanted.
  std::optional<manifest_task> next_manifest(const snapshot& files);
  /// The manifest of a job is written, or could not be. False: the job is forgotten.
  bool manifest_done(uint64_t job);
  /// Ends a job; nothing when it is forgotten.
  std::optional<running_job> end(uint64_t job);
  /// Forgets all jobs, which it answers with.
  std::vector<running_job> forget_all();

  bool is_running(uint64_t job) const;
  bool is_storing() const noexcept { return storing_ != 0; }
  const running_job* of(upkeep_kind kind) const { return slots_[static_cast<size_t>(kind)].get(); }

 private:
  std::unique_ptr<running_job>* slot_of(uint64_t job);

  std::array<std::unique_ptr<running_job>, 3> slots_;
  std::deque<uint64_t> unstored_;
  uint64_t storing_ = 0;  ///< the job whose manifest is being written; 0: none is
  uint64_t last_ = 0;
};

}  // namespace fp
