#pragma once

#include <cstdint>

namespace fp {

/// Sizes are in postings.
struct merge_policy_options {
  uint64_t min_segment_size = 50'000;         ///< smaller segments count as this large: the lowest level
  uint64_t max_segment_size = 4'000'000'000;  ///< no merge makes a larger segment
  uint32_t segments_per_level = 2;            ///< how many segments of similar size may stand side by side
  uint32_t segments_per_merge = 8;  ///< while the index is written to, at most this many are merged at once
  uint32_t max_segments = 0;        ///< hard bound on the number of segments; 0: none
  uint32_t max_dead_share = 20;     ///< percent of a segment; with more of it dead it is rewritten
  uint32_t idle_merge_factor = 10;  ///< what an idle merge may write for each posting that joins others
};

}  // namespace fp
