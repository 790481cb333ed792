#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "core/index/snapshot.hpp"
#include "core/search/apart_ranges.hpp"
#include "core/search/posting_range.hpp"
#include "core/search/score_table.hpp"
#include "core/search/stop_condition.hpp"

namespace fp {

/// What ranges are counted with.
template <class Range>
struct counting;
template <>
struct counting<posting_range> {
  using table = score_table;
  using apart = apart_ranges;
  static document_id hit(document_id id, const posting_range&) noexcept { return id; }
};
template <>
struct counting<near_range> {
  using table = near_score_table;
  using apart = apart_near_ranges;
  static near_slot::hit hit(document_id id, const near_range& range) noexcept { return {id, range.query}; }
};

/// Counts the postings of each document in the ranges that a query's hashes have, superseded versions left out; of
/// near ranges each query hash once.
///
/// Ranges come in any portions, those of near ranges that belong together in one. When there are more documents
/// than the memory has scores for, those of a window are counted, [`first`, `last`], and the others by further
/// passes over the same ranges:
///
///     counter.begin(...);
///     do {
///       for (portions) counter.count(ranges);
///       counter.finish_pass();
///       ... scores() ...
///     } while (counter.next_pass());
template <class Range>
class basic_document_counter {
 public:
  using table = typename counting<Range>::table;

  explicit basic_document_counter(seeded_mix mix) : scores_(mix) {}

  struct bounds {
    uint64_t table_bytes = 0;  ///< `score_table::min_bytes` or more
    size_t apart = 0;          ///< ranges that are set apart, and documents that are looked for in them one by one
  };

  /// Counts anew, about `expected` postings. Documents with `min_score` postings (at least 1) and more are counted
  /// in full, others perhaps not. All functions throw as `stop` does; then it is to begin anew.
  void begin(std::span<const snapshot::entry> entries, uint64_t expected, uint64_t min_score, const bounds& limits,
             stop_condition& stop);
  /// Counts a portion. Reorders `ranges`, and takes some out, which it counts in this pass and in the later ones.
  void count(std::vector<Range>& ranges, stop_condition& stop);
  /// Counts what was taken out of the portions. `scores` are then those of all documents of the window.
  void finish_pass(stop_condition& stop);
  /// Goes on behind the window; false when there is nothing. `same_ranges`: what `count` leaves of the only portion
  /// comes again; otherwise all portions do, as they were.
  bool next_pass(bool same_ranges, stop_condition& stop);

  /// What the pass found.
  const table& scores() const noexcept { return scores_; }
  /// Of all passes.
  uint32_t best() const noexcept { return std::max(best_, scores_.best()); }

  /// Gives all memory back.
  void release() noexcept {
    scores_.release();
    apart_.release();
    promising_ = {};
  }
  uint64_t bytes() const noexcept {
    return scores_.bytes() + apart_.bytes() + promising_.capacity() * sizeof(void*);
  }

 private:
  using slot = typename table::slot;
  using hit = typename table::hit;

  bool everything() const noexcept { return first_ == 0 && last_ == max_id; }
  /// The postings of `range` in the window.
  Range in_window(const posting_table& postings, Range range, stop_condition& stop) const;
  void count_all(std::span<const Range> ranges, stop_condition& stop);
  /// Goes on counting for documents that have been counted in other ranges, at least for the promising ones.
  void count_known(const Range& range, stop_condition& stop);
  /// Counts each of `hits`, of which there are at most `max_block`; reorders them. Narrows the window when there is
  /// no room for all.
  void add(std::span<hit> hits, stop_condition& stop);

  static constexpr document_id max_id = UINT32_MAX;

  std::span<const snapshot::entry> entries_;
  uint64_t expected_ = 0, min_score_ = 1;
  bounds bounds_;
  uint32_t best_ = 0;

  document_id first_ = 0, last_ = max_id;  ///< the window
  table scores_;

  typename counting<Range>::apart apart_;  ///< less than `min_score_`
  std::vector<slot*> promising_;           ///< may still reach the score
  bool all_promising_ = true;              ///< whether `promising_` has room for all of these
};

extern template class basic_document_counter<posting_range>;
extern template class basic_document_counter<near_range>;
using document_counter = basic_document_counter<posting_range>;
using near_document_counter = basic_document_counter<near_range>;

}  // namespace fp
