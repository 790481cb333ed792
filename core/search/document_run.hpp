#pragma once

#include <cstdint>

#include "core/base/bit_packing.hpp"
#include "core/base/types.hpp"
#include "core/search/posting_range.hpp"
#include "core/segment/posting_table.hpp"

namespace fp {

/// The documents of a range of postings, by their positions. A view that owns nothing.
class document_run {
 public:
  document_run(const posting_table& postings, const posting_range& range) noexcept
      : entries_(postings.entries()),
        id_mask_(static_cast<uint32_t>(postings.least_entry(1) - 1)),
        base_(postings.document_of(0)),
        first_(range.first),
        end_(uint64_t{range.first} + range.count) {}

  uint64_t first() const noexcept { return first_; }
  uint64_t end() const noexcept { return end_; }
  document_id at(uint64_t position) const noexcept { return document_of(entries_.word_at(position)); }
  void prefetch(uint64_t position) const noexcept { __builtin_prefetch(entries_.address_of(position)); }

  /// Calls `f(document)` for the positions [first, last), in order, as long as it returns true. Returns the
  /// position for which it did not, or `last`.
  template <class F>
  [[gnu::always_inline]] uint64_t walk(uint64_t first, uint64_t last, const F& f) const {
    // Two at a time: loads are what a walk spends most of its time on.
    const unsigned width = entries_.width();
    if (2 * width <= packed_array::bits_of_word) {
      for (; last - first >= 2; first += 2) {
        const uint64_t word = entries_.word_at(first);
        if (!f(document_of(word))) return first;
        if (!f(document_of(word >> width))) return first + 1;
      }
    }
    for (; first < last; first++) {
      if (!f(at(first))) return first;
    }
    return last;
  }

 private:
  document_id document_of(uint64_t word) const noexcept { return base_ + (static_cast<uint32_t>(word) & id_mask_); }

  packed_array entries_;
  uint32_t id_mask_;
  document_id base_;
  uint64_t first_, end_;
};

}  // namespace fp
