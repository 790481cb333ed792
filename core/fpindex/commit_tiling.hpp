#pragma once

#include <span>
#include <vector>

#include "core/commit/commit_range.hpp"
#include "core/fpindex/segment_info.hpp"

namespace fp::fpindex {

/// What fpindex calls the segments of an index that hold these commits, oldest first, each going on where the one
/// before it ends. Their numbers tile without gaps, and the last one's index version is ours.
///
/// They are our commits wherever those can be tiles. Parts of one commit cannot, nor jumps of 2^32 (a file's name
/// has eight digits for them): then each segment counts as one commit, numbered so that the last one is the
/// version. Where the version is less than the number of segments (a bulk load as version 0), they are numbered
/// from 1, and the version stands beside them as that of an upstream.
std::vector<segment_info> tile_commits(std::span<const commit_range> oldest_first);

}  // namespace fp::fpindex
