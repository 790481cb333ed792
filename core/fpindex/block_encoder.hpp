#pragma once

#include <cstddef>
#include <span>

#include "core/base/types.hpp"

/// A block of a segment file of fpindex ("SGM1"): source acoustid/acoustid-index, `src/block.zig` and
/// `src/streamvbyte.zig`. Little-endian:
///
///       0  u32  hash of the first item
///       4  u16  number of items
///       6  u16  bytes of the hash stream
///       8       hash stream, id stream, zeros
///
/// A stream of n values: ceil(n / 4) control bytes, then the values' bytes. Value j has code `control[j / 4] >> 2 *
/// (j % 4) & 3`. Codes 0, 1, 2, 3 mean 0, 1, 2, 4 bytes in the hash stream, 1, 2, 3, 4 bytes in the id stream. A
/// last quad of fewer than 4 values is filled with zeros.
///
/// Hashes are differences to the item before, the first one 0. Ids are differences to the item before, but to the
/// smallest id of the segment where a block or another hash begins.
namespace fp::fpindex {

inline constexpr size_t block_bytes = 512;
/// More than a block can ever hold: the shortest quad takes six bytes.
inline constexpr size_t max_block_items = (block_bytes - 8) / 6 * 4;

/// How many of `items`, which ascend, fpindex puts into the next block: whole quads, as many as there is room for.
/// The items must be all that are left, or at least `max_block_items` + 4. 0 without items.
size_t count_block_items(std::span<const posting> items, document_id min_document) noexcept;

/// Writes that block and returns the count. Without items it is all zeros.
size_t encode_block(std::span<const posting> items, document_id min_document,
                    std::span<std::byte, block_bytes> out) noexcept;

}  // namespace fp::fpindex
