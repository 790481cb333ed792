#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "core/base/bit_packing.hpp"
#include "core/base/types.hpp"
#include "core/segment/bucket_directory.hpp"
#include "core/segment/hash_split.hpp"
#include "core/segment/posting_codec.hpp"

namespace fp {

/// The postings of a segment as they lie in its bytes, in (hash, id) order: a view that owns nothing. A posting's
/// tail and document lie side by side in one packed value, its entry, so that who has found a tail has its document
/// too.
class posting_table {
 public:
  posting_table() = default;
  /// `entries`: `tail << id_bits | document - min_document` of each posting, ascending within a bucket.
  posting_table(hash_split split, const bucket_directory& buckets, packed_array entries, unsigned id_bits,
                document_id min_document) noexcept
      : split_(split), buckets_(buckets), entries_(entries), id_bits_(id_bits), min_document_(min_document) {}

  const hash_split& split() const noexcept { return split_; }
  uint64_t size() const noexcept { return buckets_.num_postings(); }
  const bucket_directory& buckets() const noexcept { return buckets_; }

  /// Positions of a bucket's first posting and behind its last.
  std::pair<uint32_t, uint32_t> bucket_range(uint32_t bucket) const noexcept { return buckets_.range(bucket); }
  /// How many of the lowest bits of a bucket's number its neighbours differ in that have their entries in the same
  /// one or two cache lines, and their counts in the same part.
  unsigned span_bits() const noexcept {
    constexpr uint64_t max_average_span = 20;
    unsigned bits = 0;
    while (bits < std::min<unsigned>(split_.bucket_bits, bucket_directory::part_bits) &&
           (size() << bits >> split_.bucket_bits) * 2 <= max_average_span) {
      bits++;
    }
    return bits;
  }
  const packed_array& entries() const noexcept { return entries_; }
  /// The smallest entry that a posting of a tail can have.
  uint64_t least_entry(uint64_t tail) const noexcept { return tail << id_bits_; }
  uint32_t tail_of(uint64_t entry) const noexcept { return static_cast<uint32_t>(entry >> id_bits_); }
  document_id document_of(uint64_t entry) const noexcept {
    return min_document_ + static_cast<document_id>(entry & ((uint64_t{1} << id_bits_) - 1));
  }
  /// The posting of an entry in a bucket.
  posting posting_of(uint32_t bucket, uint64_t entry) const noexcept { return codec().posting_of(bucket, entry); }
  posting_codec codec() const noexcept { return {split_, id_bits_, min_document_}; }
  document_id document_at(uint64_t position) const noexcept { return document_of(entries_[position]); }

 private:
  hash_split split_;
  bucket_directory buckets_;
  packed_array entries_;
  unsigned id_bits_ = 0;
  document_id min_document_ = 0;
};

}  // namespace fp
