#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "core/base/bit_packing.hpp"
#include "core/base/types.hpp"
#include "core/segment/hash_split.hpp"

namespace fp {

/// The postings of a segment as they lie in its bytes, in (hash, id) order: a view that owns nothing. A posting's
/// tail and document lie side by side in one packed value, its entry, so that who has found a tail has its document
/// too.
class posting_table {
 public:
  posting_table() = default;
  /// `bucket_starts`: 2^k + 1 cumulative posting counts. `entries`: `tail << id_bits | document - min_document` of
  /// each posting, ascending within a bucket.
  posting_table(hash_split split, uint64_t num_postings, const std::byte* bucket_starts, packed_array entries,
                unsigned id_bits, document_id min_document) noexcept
      : split_(split),
        num_postings_(num_postings),
        bucket_starts_(bucket_starts),
        entries_(entries),
        id_bits_(id_bits),
        min_document_(min_document) {}

  const hash_split& split() const noexcept { return split_; }
  uint64_t size() const noexcept { return num_postings_; }

  const std::byte* bucket_address(uint32_t bucket) const noexcept {
    return bucket_starts_ + uint64_t{bucket} * sizeof(uint32_t);
  }
  /// Position of a bucket's first posting; `bucket` may be the number of buckets.
  uint32_t bucket_start(uint32_t bucket) const noexcept {
    uint32_t start;
    std::memcpy(&start, bucket_address(bucket), sizeof start);
    return start;
  }
  /// Positions of a bucket's first posting and behind its last: within the table, in this order, whatever the bytes
  /// have turned into since they were checked (see `segment`).
  std::pair<uint32_t, uint32_t> bucket_range(uint32_t bucket) const noexcept {
    const uint32_t first = bucket_start(bucket), last = bucket_start(bucket + 1);
    // Branches, which are foreseen: nothing waits for the comparisons, as it would for a minimum.
    if (first > last || last > num_postings_) [[unlikely]]
      return {0, 0};
    return {first, last};
  }
  const packed_array& entries() const noexcept { return entries_; }
  /// The smallest entry that a posting of a tail can have.
  uint64_t least_entry(uint64_t tail) const noexcept { return tail << id_bits_; }
  uint32_t tail_of(uint64_t entry) const noexcept { return static_cast<uint32_t>(entry >> id_bits_); }
  document_id document_of(uint64_t entry) const noexcept {
    return min_document_ + static_cast<document_id>(entry & ((uint64_t{1} << id_bits_) - 1));
  }
  /// The posting of an entry in a bucket.
  posting posting_of(uint32_t bucket, uint64_t entry) const noexcept {
    return make_posting(split_.join(bucket, tail_of(entry)), document_of(entry));
  }
  document_id document_at(uint64_t position) const noexcept { return document_of(entries_[position]); }

 private:
  hash_split split_;
  uint64_t num_postings_ = 0;
  const std::byte* bucket_starts_ = nullptr;
  packed_array entries_;
  unsigned id_bits_ = 0;
  document_id min_document_ = 0;
};

}  // namespace fp
