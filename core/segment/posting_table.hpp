#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "core/base/bit_packing.hpp"
#include "core/base/types.hpp"

namespace fp {

/// How hash values are cut into bucket number and tail. Hashes often share bits that are always zero (AcoustID
/// indexes only the upper 28); those are not stored:
///
///     hash = 0..0 | bucket (bucket_bits) | tail (tail_bits) | 0..0 (shift)
struct hash_split {
  uint8_t shift = 0;        ///< low bits that are zero in every hash
  uint8_t bucket_bits = 0;  ///< k: there are 2^k buckets
  uint8_t tail_bits = 0;

  constexpr uint64_t num_buckets() const noexcept { return uint64_t{1} << bucket_bits; }
  constexpr uint32_t value(hash_value h) const noexcept { return h >> shift; }
  constexpr bool holds(hash_value h) const noexcept {
    const uint64_t v = h >> shift;
    return static_cast<hash_value>(v << shift) == h && (v >> (bucket_bits + tail_bits)) == 0;
  }
  constexpr uint32_t bucket(hash_value h) const noexcept {
    return static_cast<uint32_t>(uint64_t{value(h)} >> tail_bits);
  }
  constexpr uint32_t tail(hash_value h) const noexcept {
    return static_cast<uint32_t>(value(h) & ((uint64_t{1} << tail_bits) - 1));
  }
  constexpr hash_value join(uint32_t bucket, uint32_t tail) const noexcept {
    return static_cast<hash_value>(((uint64_t{bucket} << tail_bits) | tail) << shift);
  }

  /// The split for `num_postings` postings whose hashes have no bit outside `hash_mask`: 16 to 32 postings a bucket
  /// on average, so that a bucket's tails fill one or two cache lines. At 32 twice the buckets cost as many bytes
  /// as a bit less in every tail saves: this is also the smallest layout.
  static hash_split choose(uint64_t num_postings, hash_value hash_mask) noexcept;
};

/// The postings of a segment as they lie in its bytes, in (hash, id) order: a view that owns nothing.
class posting_table {
 public:
  posting_table() = default;
  /// `bucket_starts`: 2^k + 1 cumulative posting counts.
  posting_table(hash_split split, uint64_t num_postings, const std::byte* bucket_starts, packed_array tails,
                packed_array ids, document_id min_document) noexcept
      : split_(split),
        num_postings_(num_postings),
        bucket_starts_(bucket_starts),
        tails_(tails),
        ids_(ids),
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
  const packed_array& tails() const noexcept { return tails_; }
  const packed_array& ids() const noexcept { return ids_; }
  document_id min_document() const noexcept { return min_document_; }
  uint32_t tail_at(uint32_t position) const noexcept { return static_cast<uint32_t>(tails_[position]); }
  document_id document_at(uint32_t position) const noexcept {
    return min_document_ + static_cast<document_id>(ids_[position]);
  }

 private:
  hash_split split_;
  uint64_t num_postings_ = 0;
  const std::byte* bucket_starts_ = nullptr;
  packed_array tails_, ids_;
  document_id min_document_ = 0;
};

}  // namespace fp
