#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

/// A segment file of fpindex ("SGM1"; source acoustid/acoustid-index, `src/filefmt.zig`, `src/block.zig` and
/// `src/streamvbyte.zig`). Little-endian outside MessagePack:
///
///     header       map {0: 0x53474d31, 1: SegmentInfo, 2: has metadata, 3: has documents, 4: block size}
///     metadata     map of strings, if there is any
///     documents    map id -> bool, false for a tombstone, in no order, if there are any
///     zeros        up to a multiple of the block size
///     blocks       of the block size each, items in (hash, id) order; then one block of zeros
///     block index  u32 for each block but the last: its largest hash
///     footer       map {0: 0x314d4753, 1: number of items, 2: number of blocks, 3: CRC-64/XZ of all blocks but the
///                  last}
///     u32          the footer's length
///
/// A block:
///
///       0  u32  hash of the first item
///       4  u16  number of items
///       6  u16  bytes of the hash stream
///       8       hash stream, id stream, zeros
///
/// Both streams are StreamVByte (Lemire, Kurz, Rupp: "Stream VByte: Faster Byte-Oriented Integer Compression",
/// 2018): of n values, ceil(n / 4) control bytes, then the values' bytes. Value j has code `control[j / 4] >> 2 *
/// (j % 4) & 3`. Codes 0, 1, 2, 3 mean 0, 1, 2, 4 bytes in the hash stream, 1, 2, 3, 4 bytes in the id stream. A
/// last quad of fewer than 4 values is filled with zeros.
///
/// Hashes are differences to the item before, the first one 0. Ids are differences to the item before, but to the
/// smallest id of the segment's documents where a block or another hash begins.
namespace fp::fpindex {

inline constexpr uint32_t segment_magic = 0x53474d31, footer_magic = 0x314d4753;
inline constexpr uint32_t min_block_size = 64, max_block_size = 4096;
inline constexpr size_t block_bytes = 512;  ///< of the blocks that are written
inline constexpr size_t block_header_bytes = 8;
/// Bytes of a value, by its code.
inline constexpr std::array<uint8_t, 4> hash_bytes{0, 1, 2, 4}, id_bytes{1, 2, 3, 4};

}  // namespace fp::fpindex
