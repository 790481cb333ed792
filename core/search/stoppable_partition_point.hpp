#pragma once

#include <cstdint>
#include <tuple>
#include <utility>

#include "core/base/partition_point.hpp"
#include "core/search/stop_condition.hpp"

namespace fp {

inline constexpr uint32_t entries_of_a_page = 1024;  ///< or more: packed postings take 3 to 7 bytes
inline constexpr uint32_t units_of_a_page = 32;      ///< of the work on one that is far from the one before it

/// Takes `partition_point` on until the rest lies in a page or two, and tells `stop` of each step. Returns the
/// rest.
template <class Below>
[[gnu::noinline]] std::pair<uint64_t, uint64_t> narrow_to_page(uint64_t first, uint64_t last, stop_condition& stop,
                                                               const Below& below) {
  while (last - first > entries_of_a_page) {
    const uint64_t middle = first + (last - first) / 2;
    if (below(middle)) {
      first = middle + 1;
    } else {
      last = middle;
    }
    stop.worked(units_of_a_page);
  }
  return {first, last};
}

/// As `partition_point`; steps that go from page to page are told to `stop`. Nearly all searches take none, and
/// are as fast as without.
template <class Below>
[[gnu::always_inline]] inline uint64_t stoppable_partition_point(uint64_t first, uint64_t last,
                                                                 stop_condition& stop, const Below& below) {
  if (last - first > entries_of_a_page) [[unlikely]] {
    std::tie(first, last) = narrow_to_page(first, last, stop, below);
  }
  return partition_point(first, last, below);
}

}  // namespace fp
