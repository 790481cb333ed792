#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "core/index/snapshot.hpp"
#include "core/merge/merge_policy_options.hpp"

namespace fp {

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

/// The policy's view of a snapshot's segment. Documents of one segment count as equally large. Dead are superseded
/// and deleted documents, and tombstones that hide nothing.
merge_candidate candidate_of(const snapshot::entry& e);

// Only neighbours merge, because order is history; a range of one segment rewrites it without what is dead. Sizes
// are those of what is alive. Segments are oldest first. A merge that is chosen makes a segment of at most
// `max_segment_size`, unless it rewrites a larger one, and never one that the format cannot hold.

/// While an index is written to: tiered merging after Lucene's TieredMergePolicy. While there are more segments
/// than a geometric budget allows, the run with the least skew, small runs preferred, is merged. Then the segment
/// with the most dead postings of those of which more than `max_dead_share` is dead is rewritten, with neighbours
/// that cost little. Nothing when all is well.
///
/// What is written: each tier writes a posting about once; what dies makes others be written, (100 - d) / d for
/// each dead posting at a share of d percent, and a quarter of that for the neighbours: 5 at 20 %. At rest after it
/// said nothing, at most 100 / (100 - d) postings are stored for each live one: 1.25 at 20 %.
std::optional<merge_range> choose_merge(std::span<const merge_candidate> segments,
                                        const merge_policy_options& options);

/// For an index that nobody has written to for a while: beyond that, the longest run is merged that writes at most
/// `idle_merge_factor` for each posting outside its largest segment, and (100 - d) / d for each dead one. Nothing
/// when no run is worth it: the segments that are left then shrink by at least `idle_merge_factor` - 1 from one to
/// the next, but for those that do not fit together. Segments below a quarter of `min_segment_size` count as that
/// large: a file of its own costs that much anyway.
///
/// What is written: a posting that pays is in a segment at least twice as large afterwards, so it pays
/// `idle_merge_factor` at most log2(max_segment_size * 4 / min_segment_size) times, however often the index rests.
std::optional<merge_range> choose_idle_merge(std::span<const merge_candidate> segments,
                                             const merge_policy_options& options);

/// For a merge on request, asked again after each merge until there is nothing left to do: into the fewest segments
/// that neighbours can become; one of which more than a hundredth is dead is rewritten alone. Whoever asks hands in
/// the segments of the request's beginning and what became of them, the results of its own merges not mergeable: so
/// every segment is an input at most once, whatever is written meanwhile.
std::optional<merge_range> choose_full_merge(std::span<const merge_candidate> segments,
                                             const merge_policy_options& options);

}  // namespace fp
