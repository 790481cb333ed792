#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/base/doc_set.hpp"
#include "core/base/types.hpp"
#include "core/segment/segment.hpp"

namespace fp {

/// The documents of segments that come one after the other, each asked first for what it has in common with those
/// before it; the work follows its own size, however many there were. Compressed sets alone would not do: while
/// their containers are arrays, a union copies them anew with each segment. So the documents of segments that have
/// few of the whole range go into a plain bitmap, one by one.
class document_union {
 public:
  /// `coming`: all segments that will be added or asked for.
  explicit document_union(std::span<const segment_ptr> coming);

  /// The documents of `s` that are in here; adds all of its.
  doc_set join(const segment& s);
  /// Adds the documents of `s`.
  void add(const segment& s);
  /// The tombstones of `s` whose documents are not in here.
  doc_set tombstones_without(const segment& s);

 private:
  /// Whether the documents of `s` are few: to be looked at one by one.
  bool has_few(const segment& s) const noexcept { return s.info().num_documents <= words_.size(); }
  /// Calls `keep(word, bit)` for each of `count` `ids`, with the word of the bitmap and the bit of the id's place
  /// in it. Those for which it gives 1, not 0, are the first of `some_` then; answers how many they are.
  template <class F>
  size_t for_each_bit(const doc_set& ids, size_t count, const F& keep);
  /// Moves all documents from the bitmap to the set.
  void fold();

  static constexpr size_t max_words = size_t{4} << 20;  ///< 32 MiB

  doc_set set_;
  /// Of documents from `first_` on that are not in `set_`; empty: there is none. No longer than the segments with
  /// few documents have documents together.
  std::vector<uint64_t> words_;
  document_id first_ = 0;
  bool words_used_ = false;
  std::vector<document_id> some_;
  doc_set_maker maker_;
};

}  // namespace fp
