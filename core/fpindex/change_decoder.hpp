#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "core/base/types.hpp"
#include "core/fpindex/message_pack.hpp"

namespace fp::fpindex {

/// What a list of fpindex's changes does, in our encoding.
struct decoded_changes {
  /// In pieces of a bounded size, to be applied in this order.
  std::vector<std::vector<uint8_t>> pieces;
  /// Each insert and delete, in order: whether the document holds a hash more than once.
  std::vector<std::pair<document_id, bool>> documents;
};

/// Reads an array of changes, each a map of one entry: `{i: {i: id, h: [hash]}}` inserts, `{d: {i: id}}` deletes,
/// `{s: {e: [{k: key, v: value}]}}` sets metadata. Throws `corrupt_data`, also for document 0.
decoded_changes decode_changes(message_pack_reader& in);

}  // namespace fp::fpindex
