#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "core/base/bit_packing.hpp"
#include "core/search/stoppable_partition_point.hpp"
#include "core/segment/posting_table.hpp"

namespace fp {

inline constexpr uint32_t units_of_a_step = 8;  ///< of the work on one look-up
inline constexpr uint32_t short_bucket = 4;     ///< entries that are compared without a branch on what they are

/// Fetches the cache lines of the entries [first, last) into the nearest cache, of many entries only that in the
/// middle. Nearly all buckets have one or two lines, which take no branch that depends on the length. Inlined at
/// once: GCC 12 finds that a function of prefetches has no effect and drops its calls.
[[gnu::always_inline]] inline void prefetch_entries(const packed_array& entries, uint32_t first, uint32_t last) {
  constexpr size_t cache_line = 64, most_bytes = 256;
  const std::byte *begin = entries.address_of(first), *end = entries.address_of(last - 1) + sizeof(uint64_t);
  const auto length = static_cast<size_t>(end - begin);
  if (length > most_bytes) {
    __builtin_prefetch(begin + length / 2);
    return;
  }
  __builtin_prefetch(begin);
  if (last - first <= short_bucket) {
    __builtin_prefetch(end - 1);
    return;
  }
  __builtin_prefetch(begin + length / 2);
  __builtin_prefetch(end - 1);
  if (length <= 2 * cache_line) return;
  for (const std::byte* p = begin + cache_line; p < end; p += cache_line) __builtin_prefetch(p);
}

/// First position in [first, last) whose entry is at least `bound`. `Long`: there may be so many that steps are
/// told to `stop`.
template <bool Long>
[[gnu::always_inline]] inline uint32_t lower_bound(const packed_array& entries, uint32_t first, uint32_t last,
                                                   uint64_t bound, stop_condition& stop) {
  const auto below = [&](uint64_t i) { return entries[i] < bound; };
  if constexpr (Long) return static_cast<uint32_t>(stoppable_partition_point(first, last, stop, below));
  return static_cast<uint32_t>(partition_point(first, last, below));
}

/// End of the run of entries below `bound` that starts at `first`: most runs are short, those of hot hashes very
/// long.
template <bool Long>
[[gnu::always_inline]] inline uint32_t run_end(const packed_array& entries, uint32_t first, uint32_t last,
                                               uint64_t bound, stop_condition& stop) {
  uint32_t step = 1;
  while (last - first > step && entries[first + step] < bound) {
    first += step;
    step *= 2;
    if (Long && step > entries_of_a_page) stop.worked(units_of_a_page);
  }
  return lower_bound<Long>(entries, first + 1, last - first > step ? first + step : last, bound, stop);
}

/// Calls `found(position, count)` with the postings of one hash, if there are any among the entries [first, last)
/// of its bucket. `least`: see `posting_table::least_entry`.
template <bool Long, class F>
[[gnu::always_inline]] inline void find_run(const posting_table& table, uint32_t first, uint32_t last,
                                            uint64_t least, stop_condition& stop, const F& found) {
  const packed_array& entries = table.entries();
  const uint64_t bound = least + table.least_entry(1);
  first = lower_bound<Long>(entries, first, last, least, stop);
  if (first == last || entries[first] >= bound) return;
  found(first, run_end<Long>(entries, first, last, bound, stop) - first);
}

/// The same of at most `short_bucket` entries, of which there is one. How many of a few are less than a bound takes
/// less time than to go astray where they are not foreseen.
template <class F>
[[gnu::always_inline]] inline void find_short_run(const posting_table& table, uint32_t first, uint32_t last,
                                                  uint64_t least, const F& found) {
  const packed_array& entries = table.entries();
  const uint64_t bound = least + table.least_entry(1);
  uint32_t before = 0, upto = 0;
#pragma GCC unroll 4
  for (uint32_t i = 0; i < short_bucket; i++) {
    const uint64_t entry = entries[std::min(first + i, last - 1)];
    const auto is_there = static_cast<uint32_t>(first + i < last);
    before += is_there & static_cast<uint32_t>(entry < least);
    upto += is_there & static_cast<uint32_t>(entry < bound);
  }
  if (before < upto) found(first + before, upto - before);
}

}  // namespace fp
