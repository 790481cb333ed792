#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/error.hpp"
#include "core/base/types.hpp"
#include "core/commit/commit_range.hpp"
#include "core/merge/merge_policy.hpp"
#include "core/segment/segment_info.hpp"
#include "core/upkeep/full_merge.hpp"
#include "core/upkeep/retry.hpp"

namespace fp {

/// The kinds of upkeep. At most one job of each runs at a time, and a failure of one holds up no other.
enum class upkeep_kind : uint8_t { checkpoint, memory_merge, file_merge };

/// "checkpoint", "merge in memory", "merge of files".
std::string_view to_string(upkeep_kind kind) noexcept;

/// What upkeep knows of a served segment. Segments come oldest first, those in files before those in memory.
struct upkeep_segment {
  commit_id first_commit = 0, last_commit = 0;
  bool in_file = false;
  merge_candidate size;
  uint32_t first_part = 0;  ///< see `commit_range`

  segment_start start() const noexcept { return {first_commit, first_part}; }
};

struct upkeep_options {
  uint64_t checkpoint_threshold = 1'000'000;         ///< postings in memory; 0: any
  std::chrono::milliseconds checkpoint_age{60'000};  ///< of the oldest commit in memory; 0: none
  uint64_t checkpoint_commits = 100'000;             ///< in memory; 0: any number
  uint64_t checkpoint_log_bytes = 64u << 20;         ///< of commits in memory; 0: any number
  uint32_t max_memory_segments = 16;
  std::chrono::milliseconds idle_after{3'000};  ///< since the last write; 0: never
  merge_policy_options merge;                   ///< of file segments
};

/// Merge `count` neighbours from position `first` on: into a file, unless it is a merge in memory.
struct upkeep_job {
  upkeep_kind kind = upkeep_kind::checkpoint;
  size_t first = 0, count = 0;

  friend bool operator==(const upkeep_job&, const upkeep_job&) = default;
};

/// What writers may do as far as upkeep is concerned.
enum class writers {
  go,       ///< there is room in memory
  wait,     ///< memory is full, and being written out
  refused,  ///< memory is full, and cannot be written out
};

/// Decides what upkeep an index needs: which checkpoint or merge is due, what is not tried and until when, when
/// nobody has written for so long that there is time for more, and when writers have to wait. Events in, decisions
/// out; whoever asks hands in the time and the segments that are served.
class upkeep_planner {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  using segments = std::span<const upkeep_segment>;

  explicit upkeep_planner(const upkeep_options& options) : options_(options) {}

  /// From the next decision on.
  void configure(const upkeep_options& options) { options_ = options; }

  // -- Events
  /// The index has been loaded (again): whatever was known of it counts no more. `num_commits` are those in memory,
  /// `log_bytes` those of the log.
  void loaded(segments served, uint64_t num_commits, uint64_t log_bytes, time_point now);
  /// Commits are served from memory; `log_bytes` is what they take in the log.
  void committed(uint64_t num_commits, uint64_t log_bytes, time_point now);
  /// The running job of a kind is done, and its result served.
  void succeeded(upkeep_kind kind, time_point now);
  /// The running job of a kind has failed. `damaged` are inputs that cannot be merged: they are left alone from now
  /// on, and their neighbours merged among themselves. Without them, all inputs of a merge that fails with
  /// `corrupt_data` are.
  void failed(upkeep_kind kind, const error& why, std::span<const segment_info> damaged, segments served,
              time_point now);
  /// The running job of a kind was called off.
  void dropped(upkeep_kind kind) { of(kind).running = false; }
  /// A segment is right again, as far as anybody knows.
  void mended(const segment_info& segment, time_point now);

  // -- Requests
  /// All that is served now is to be in files.
  void request_checkpoint(segments served, time_point now);
  /// All that is served now is to be in files and merged. Answers with a number for `finished_merges`.
  uint64_t request_merge(segments served, time_point now);
  /// Nobody waits for what was requested any more.
  void forget_requests();
  /// Rounds of requested merges that have come to their ends since the last call.
  std::vector<full_merge::outcome> finished_merges() { return std::exchange(finished_, {}); }

  // -- Decisions
  /// A job that is due and runs from now on; nothing when none is. To be asked until there is none.
  std::optional<upkeep_job> next(segments served, time_point now);
  /// When to ask again at the latest if nothing happens; nothing: not before something does.
  std::optional<time_point> next_look(segments served, time_point now) const;
  writers may_write(segments served) const;
  /// Whether all that was served at the last `request_checkpoint` is in files.
  bool checkpoint_request_is_met(segments served) const;

  bool is_running(upkeep_kind kind) const { return of(kind).running; }
  const retry& state_of(upkeep_kind kind) const { return of(kind).tries; }
  /// What fails, by kind, for a person; empty when nothing does.
  std::string errors() const;
  /// Whether a segment is left alone because it cannot be merged.
  bool is_barred(segment_start start) const { return barred_.contains(start); }

 private:
  struct input {
    segment_start start;
    commit_id last_commit = 0;
  };
  /// The jobs of one kind.
  struct lane {
    bool running = false;
    std::vector<input> inputs;  ///< of the running job
    uint64_t live = 0;          ///< postings in them
    bool is_full_merge = false;
    bool is_small = false;  ///< it needs less room than one for which there was none
    retry tries;
  };
  /// A segment that cannot be merged.
  struct bar {
    commit_id last_commit = 0;
    error why;
  };
  /// Commits that are in memory and in the log alone.
  struct uncovered {
    uint64_t commits = 0, log_bytes = 0;
  };

  lane& of(upkeep_kind kind) { return lanes_[static_cast<size_t>(kind)]; }
  const lane& of(upkeep_kind kind) const { return lanes_[static_cast<size_t>(kind)]; }
  bool is_full(segments served) const;
  bool is_idle(time_point now) const;
  bool waits_for_checkpoint(segments served) const;
  /// When what is in memory is written out if nothing more happens, but for the delay after a failure.
  std::optional<time_point> checkpoint_at() const;
  bool checkpoint_is_due(segments served, time_point now) const;
  std::optional<upkeep_job> choose_memory_merge(segments served) const;
  std::optional<upkeep_job> choose_file_merge(segments served, time_point now);
  /// What the running merge on request is about, as far as it is in files.
  segments asked_for(segments served) const;
  std::optional<upkeep_job> choose_full(segments served) const;
  std::vector<merge_candidate> candidates(segments files) const;
  void end_round_if_done(segments served);
  void forget_gone_bars(segments served, time_point now);
  void lift_bars(time_point now);

  upkeep_options options_;
  std::array<lane, 3> lanes_;
  std::map<segment_start, bar> barred_;
  bool fails_by_bars_ = false;  ///< those are what merges of files fail for
  /// Set: the disk had no room for a merge of files, and until it is tried again only ones of at most so many
  /// postings are. Else an index would have ever more segments on a disk that has room for small ones.
  std::optional<uint64_t> room_;
  commit_id checkpoint_goal_ = 0;
  full_merge full_merge_;
  std::vector<full_merge::outcome> finished_;
  uncovered uncovered_, in_checkpoint_;
  time_point oldest_in_memory_{}, last_write_{}, last_checkpoint_{};
};

}  // namespace fp
