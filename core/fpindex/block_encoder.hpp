#pragma once

#include <cstddef>
#include <span>

#include "core/base/types.hpp"
#include "core/fpindex/segment_format.hpp"

namespace fp::fpindex {

/// More than a block can ever hold: the shortest quad takes six bytes.
inline constexpr size_t max_block_items = (block_bytes - block_header_bytes) / 6 * 4;

/// How many of `items`, which ascend, fpindex puts into the next block (see `segment_format.hpp`): whole quads, as
/// many as there is room for. The items must be all that are left, or at least `max_block_items` + 4. 0 without
/// items.
size_t count_block_items(std::span<const posting> items, document_id min_document) noexcept;

/// Writes that block and returns the count. Without items it is all zeros.
size_t encode_block(std::span<const posting> items, document_id min_document,
                    std::span<std::byte, block_bytes> out) noexcept;

}  // namespace fp::fpindex
