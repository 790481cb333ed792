#pragma once

#include <algorithm>
#include <cstdint>

#include "core/base/bit_select.hpp"
#include "core/base/types.hpp"
#include "core/segment/hash_split.hpp"

namespace fp {

/// How the bucket and the entry of a posting (see `segment_format.hpp`) follow from it, and it from them. `Quick`:
/// by instructions for bits, only where `uses_bit_instructions`.
class posting_codec {
 public:
  posting_codec(const hash_split& split, unsigned id_bits, document_id min_document) noexcept
      : bucket_shift_(static_cast<unsigned>(split.shift) + split.tail_bits),
        key_shift_(std::min(32 + bucket_shift_, 63u)),
        tail_shift_(32 + split.shift - id_bits),
        id_mask_((uint64_t{1} << id_bits) - 1),
        tail_mask_(((uint64_t{1} << split.tail_bits) - 1) << 32 << split.shift),
        min_document_(min_document) {}

  uint64_t bucket_of(posting p) const noexcept { return uint64_t{posting_hash(p)} >> bucket_shift_; }
  /// Of a posting whose hash and document are in the segment's ranges.
  template <bool Quick = false>
  [[gnu::always_inline]] uint64_t entry_of(posting p) const noexcept {
    const uint64_t relative = p - min_document_;
    if constexpr (Quick) return extract_bits(relative, tail_mask_ | id_mask_);
    return (relative & tail_mask_) >> tail_shift_ | (relative & id_mask_);
  }
  /// Bits above the entry's width do not count.
  template <bool Quick = false>
  [[gnu::always_inline]] posting posting_of(uint64_t bucket, uint64_t entry) const noexcept {
    const uint64_t of_bucket = (bucket << key_shift_) + min_document_;
    if constexpr (Quick) return of_bucket + deposit_bits(entry, tail_mask_ | id_mask_);
    return of_bucket + (((entry << tail_shift_) & tail_mask_) | (entry & id_mask_));
  }

 private:
  unsigned bucket_shift_;
  unsigned key_shift_;  ///< of buckets in postings; any one where there is but bucket 0
  unsigned tail_shift_;
  uint64_t id_mask_, tail_mask_;
  uint64_t min_document_;
};

}  // namespace fp
