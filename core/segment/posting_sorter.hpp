#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/base/types.hpp"
#include "core/segment/document_change.hpp"

namespace fp {

/// Makes the postings of documents and puts them in order. Its memory, 16 bytes a posting, is kept for the next
/// ones.
///
/// Counts digits of the hashes' leading bits, least digit first (D. Knuth, "The Art of Computer
/// Programming", 5.2.5), and only as many bits as tell most hashes apart: which are still out of place then are
/// few, and moved to where they belong one by one. Hashes that have these bits in common and differ in the others
/// are sorted by all of them.
class posting_sorter {
 public:
  /// The distinct postings of documents, which come in ascending order of ids; valid until the next call. Throws
  /// `payload_too_large` for more than a segment holds.
  std::span<const posting> sort(std::span<const document_change> documents);
  /// The bits that occur in hashes of those.
  hash_value hash_mask() const noexcept { return hash_mask_; }

 private:
  /// Digits of hashes, from `shift` on.
  struct digits {
    unsigned shift = 0, bits = 0, rounds = 0;

    size_t of(hash_value hash, unsigned round) const noexcept {
      return uint64_t{hash} >> (shift + round * bits) & ((uint64_t{1} << bits) - 1);
    }
  };

  digits choose_digits(size_t count) const noexcept;
  /// How many postings have a digit that is less, for each digit of each round.
  void count(std::span<const document_change> documents, const digits& by);
  void distribute(std::span<const document_change> documents, const digits& by);
  /// Puts what has the same digits in order and leaves out what is there already.
  void finish();

  hash_value hash_mask_ = 0;
  std::vector<posting> postings_, scratch_;
  std::vector<uint32_t> positions_;
};

}  // namespace fp
