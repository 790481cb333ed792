#include "core/fpindex/commit_tiling.hpp"

#include <algorithm>
#include <cstdint>

namespace fp::fpindex {

namespace {

bool is_tile(const commit_range& r) {
  const bool is_whole = r.first_part == 0 && r.ends_whole();
  return is_whole && r.previous < r.last && r.last - r.previous - 1 <= UINT32_MAX;
}

}  // namespace

std::vector<segment_info> tile_commits(std::span<const commit_range> oldest_first) {
  std::vector<segment_info> tiles;
  tiles.reserve(oldest_first.size());
  if (std::ranges::all_of(oldest_first, is_tile)) {
    for (const commit_range& r : oldest_first) tiles.push_back({r.previous + 1, r.last - r.previous - 1, {}});
    return tiles;
  }
  const uint64_t count = oldest_first.size(), version = oldest_first.back().last;
  for (const commit_range& r : oldest_first) {
    const uint64_t number = tiles.size() + 1;
    if (version >= count) {
      tiles.push_back({version - count + number, 0, {}});
    } else {
      tiles.push_back({number, 0, r.last});
    }
  }
  return tiles;
}

}  // namespace fp::fpindex
