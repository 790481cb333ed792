#pragma once

#include <cstdint>
#include <optional>
#include <span>

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

/// Tiered merging of adjacent segments (order is history, so only neighbours merge), after Lucene's
/// TieredMergePolicy: while there are more segments than a geometric budget allows, the run of neighbours
/// with the least skew, small runs preferred, is merged. `sizes` are oldest first. Nothing when all is well.
std::optional<merge_range> choose_merge(std::span<const uint64_t> sizes, const merge_policy_options& options);

/// For a merge on request: the longest run of at least two neighbours that can become one segment of at most
/// `max_segment_size`, the first of them when there are several. Nothing when no two neighbours fit together.
std::optional<merge_range> widest_merge(std::span<const uint64_t> sizes, uint64_t max_segment_size);

}  // namespace fp
