#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/base/bit_packing.hpp"
#include "core/base/partition_point.hpp"
#include "core/base/types.hpp"

namespace fp {

/// The documents of a segment as they lie in its bytes, in id order: a view that owns nothing.
class document_table {
 public:
  document_table() = default;
  document_table(uint64_t num_documents, document_id min_document, packed_array ids, packed_array tombstones,
                 packed_array commits, commit_id first_commit) noexcept
      : num_documents_(num_documents),
        min_document_(min_document),
        ids_(ids),
        tombstones_(tombstones),
        commits_(commits),
        first_commit_(first_commit) {}

  uint64_t size() const noexcept { return num_documents_; }
  document_id id_at(uint64_t position) const noexcept {
    return min_document_ + static_cast<document_id>(ids_[position]);
  }
  bool deleted_at(uint64_t position) const noexcept { return tombstones_[position] != 0; }
  commit_id commit_at(uint64_t position) const noexcept { return first_commit_ + commits_[position]; }

  /// Where the columns of a position lie, for who reads in order.
  std::array<const std::byte*, 3> addresses_of(uint64_t position) const noexcept {
    return {ids_.address_of(position), tombstones_.address_of(position), commits_.address_of(position)};
  }

  /// Position of a document; nothing when it is not in here.
  std::optional<uint64_t> position_of(document_id id) const noexcept {
    if (id < min_document_) return std::nullopt;
    const uint64_t wanted = id - min_document_;
    const uint64_t at = partition_point(0, num_documents_, [&](uint64_t i) { return ids_[i] < wanted; });
    if (at == num_documents_ || ids_[at] != wanted) return std::nullopt;
    return at;
  }

 private:
  uint64_t num_documents_ = 0;
  document_id min_document_ = 0;
  packed_array ids_, tombstones_, commits_;
  commit_id first_commit_ = 0;
};

}  // namespace fp
