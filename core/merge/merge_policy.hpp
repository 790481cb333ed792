#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "core/index/snapshot.hpp"

namespace fp {

/// Sizes are in postings.
struct merge_policy_options {
  uint64_t min_segment_size = 500'000;        ///< smaller segments count as this large: the lowest level
  uint64_t max_segment_size = 4'000'000'000;  ///< no merge makes a larger segment
  uint32_t segments_per_level = 8;            ///< how many segments of similar size may stand side by side
  uint32_t segments_per_merge = 8;            ///< at most this many are merged at once
  uint32_t max_segments = 0;                  ///< hard bound on the number of segments; 0: none
};

struct merge_range {
  size_t first = 0, count = 0;

  friend bool operator==(const merge_range&, const merge_range&) = default;
};

/// What the policy knows of a segment; sizes in postings, in which a tombstone counts as one.
struct merge_candidate {
  uint64_t stored = 0;
  uint64_t live = 0;      ///< of those, what a merge would keep: an estimate
  bool mergeable = true;  ///< false: must not be an input (damaged, in another job, or what this full merge made)
};

/// The policy's view of a snapshot's segment. Documents of one segment count as equally large.
merge_candidate candidate_of(const snapshot::entry& e);

/// While an index is written to: tiered merging of adjacent segments (order is history, so only neighbours merge),
/// after Lucene's TieredMergePolicy: while there are more segments than a geometric budget allows, the run of
/// neighbours with the least skew, small runs preferred, is merged. Candidates are oldest first. Nothing when all is
/// well.
std::optional<merge_range> choose_merge(std::span<const merge_candidate> segments,
                                        const merge_policy_options& options);

/// For an index that nobody has written to for a while. Nothing when it is as fast as it gets.
std::optional<merge_range> choose_idle_merge(std::span<const merge_candidate> segments,
                                             const merge_policy_options& options);

/// For a merge on request, asked again after each merge until there is nothing left to do. Whoever asks hands in
/// the segments of the request's beginning and what became of them, the results of its own merges not mergeable: so
/// every segment is an input at most once, whatever is written meanwhile.
std::optional<merge_range> choose_full_merge(std::span<const merge_candidate> segments,
                                             const merge_policy_options& options);

}  // namespace fp
