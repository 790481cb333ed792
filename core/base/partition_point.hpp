#pragma once

#include <cstdint>

namespace fp {

/// First position in [first, last) that is not `below` any more, or `last`: as `std::partition_point`, but without
/// a branch on what `below` says of a position. Searches of packed values spend most of their time on mispredicted
/// ones.
template <class Below>
constexpr uint64_t partition_point(uint64_t first, uint64_t last, const Below& below) {
  if (first == last) return last;
  uint64_t length = last - first;
  while (length > 1) {
    const uint64_t half = length / 2;
    first += below(first + half - 1) ? half : 0;
    length -= half;
  }
  return first + (below(first) ? 1 : 0);
}

}  // namespace fp
