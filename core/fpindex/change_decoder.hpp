#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/base/types.hpp"
#include "core/commit/changes.hpp"
#include "core/fpindex/message_pack.hpp"

namespace fp::fpindex {

/// Reads changes one by one, each a map of one entry: `{i: {i: id, h: [hash]}}` inserts, `{d: {i: id}}` deletes,
/// `{s: {e: [{k: key, v: value}]}}` sets metadata. Throws `corrupt_data`, also for document 0.
class change_decoder {
 public:
  explicit change_decoder(message_pack_reader& in) : in_(in) {}

  /// Reads the next one and adds it to `out`: as one change, or, of metadata, as one for each key, in their order.
  void read(changes_encoder& out);
  /// Of the last change, if that was an insert.
  const std::vector<hash_value>& hashes() const noexcept { return hashes_; }
  /// Of the last change; 0: it was none of a document.
  document_id id() const noexcept { return id_; }

 private:
  void read_insert(changes_encoder& out);
  void read_delete(changes_encoder& out);
  void read_metadata(changes_encoder& out);
  std::pair<std::string, std::string> read_entry();
  void require_id(uint64_t at) const;

  message_pack_reader& in_;
  std::vector<hash_value> hashes_;
  document_id id_ = 0;
};

/// What a list of fpindex's changes does, in our encoding.
struct decoded_changes {
  /// In pieces of a bounded size, to be applied in this order.
  std::vector<std::vector<uint8_t>> pieces;
  /// Each insert and delete, in order: whether the document holds a hash more than once.
  std::vector<std::pair<document_id, bool>> documents;
};

/// Reads an array of changes. Throws `corrupt_data`.
decoded_changes decode_changes(message_pack_reader& in);

}  // namespace fp::fpindex
