#pragma once

#include <cstdint>

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
  /// The bits that are stored.
  constexpr hash_value mask() const noexcept {
    return static_cast<hash_value>(((uint64_t{1} << (bucket_bits + tail_bits)) - 1) << shift);
  }
  constexpr bool holds(hash_value h) const noexcept { return (h & ~mask()) == 0; }
  constexpr uint32_t bucket(hash_value h) const noexcept { return value(h) >> tail_bits; }
  constexpr uint32_t tail(hash_value h) const noexcept { return value(h) & ((uint32_t{1} << tail_bits) - 1); }

  /// The split for `num_postings` postings whose hashes have no bit outside `hash_mask`: 5/8 to 5/4 postings a
  /// bucket on average. Their counts take 2 to 3 bits a posting then; with half or twice as many buckets the sum of
  /// counts and tails differs by less than a quarter of a bit.
  static hash_split choose(uint64_t num_postings, hash_value hash_mask) noexcept;

  /// More would not fit a packed value beside a document id of 32 bits.
  static constexpr unsigned max_tail_bits = 24;
};

}  // namespace fp
