#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "core/index/snapshot.hpp"
#include "core/search/apart_ranges.hpp"
#include "core/search/counting.hpp"
#include "core/search/counting_work.hpp"
#include "core/search/stop_condition.hpp"
#include "core/search/top_results.hpp"
#include "core/search/window_counter.hpp"

namespace fp {

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
///       counter.finish_pass(results);
///     } while (counter.next_pass());
///
/// Most documents that only long ranges hold are not counted: only as long as they can become results, which takes
/// more the better the results are that there are.
template <class Range>
class basic_document_counter {
 public:
  using table = typename counting<Range>::table;

  explicit basic_document_counter(seeded_mix mix) : scores_(mix), windows_(mix) {}

  struct bounds {
    uint64_t table_bytes = 0;   ///< `score_table::min_bytes` or more
    uint64_t window_bytes = 0;  ///< `min_window_bytes` or more
    bool may_be_cold = false;   ///< see `search_options`
    size_t apart = 0;           ///< ranges that are set apart, and documents that are looked for in them one by one
  };
  static constexpr uint64_t min_window_bytes = basic_window_counter<Range>::min_bytes;

  /// Counts anew. All functions throw as `stop` does; then it is to begin anew.
  void begin(std::span<const snapshot::entry> entries, const bounds& limits);
  /// Counts a portion; `last`: there are no more. Reorders `ranges`, and takes some out, which it counts in this
  /// pass and in the later ones.
  void count(std::vector<Range>& ranges, bool last, stop_condition& stop);
  /// Counts what was taken out of the portions, and adds to `results` what belongs there of the window's documents.
  void finish_pass(top_results& results, stop_condition& stop);
  /// Goes on behind the window; false when there is nothing. `same_ranges`: what `count` leaves of the only portion
  /// comes again; otherwise all portions do, as they were.
  bool next_pass(bool same_ranges, stop_condition& stop);

  /// Since `begin`.
  const counting_work& work() const noexcept { return work_; }

  /// Gives all memory back.
  void release() noexcept {
    scores_.release();
    apart_.release();
    windows_.release();
    promising_ = std::vector<slot*>();
  }
  uint64_t bytes() const noexcept {
    return scores_.bytes() + apart_.bytes() + windows_.bytes() + promising_.capacity() * sizeof(void*);
  }

 private:
  using slot = typename table::slot;
  using hit = typename table::hit;
  using unit = apart_unit<Range>;

  bool everything() const noexcept { return first_ == 0 && last_ == max_id; }
  /// The postings of `range` in the window.
  Range in_window(const posting_table& postings, Range range, stop_condition& stop) const;
  void count_all(std::span<const Range> ranges, stop_condition& stop);
  /// Counts each of `hits`, of which there are at most `max_block`; reorders them. Narrows the window when there is
  /// no room for all.
  void add(std::span<hit> hits, stop_condition& stop);

  /// Adds the documents of the table to `results`, after it has counted the long ranges of those that can get
  /// there.
  void finish_known(top_results& results, stop_condition& stop);
  /// Notes which documents of the table can become results with `more` hits.
  void find_promising(const top_results& results, uint64_t more, stop_condition& stop);
  /// Forgets those that cannot with `more` hits.
  void drop_others(top_results& results, uint64_t more, stop_condition& stop);
  /// Counts the hits of documents of the table in a range, at least those of the promising ones.
  void count_known(const Range& range, stop_condition& stop);
  /// Adds what only long ranges hold.
  void count_unknown(std::span<unit> of_segment, top_results& results, stop_condition& stop);

  static constexpr document_id max_id = UINT32_MAX;

  std::span<const snapshot::entry> entries_;
  bounds bounds_;
  counting_work work_;
  bool laid_out_ = false;  ///< whether `scores_` is for this search
  uint64_t expected_ = 0;  ///< hits in it

  document_id first_ = 0, last_ = max_id;  ///< the window
  table scores_;

  basic_apart_ranges<Range> apart_;
  basic_window_counter<Range> windows_;
  std::vector<slot*> promising_;  ///< may still become results
  bool all_promising_ = true;     ///< whether `promising_` has room for all of these
};

extern template class basic_document_counter<posting_range>;
extern template class basic_document_counter<near_range>;
using document_counter = basic_document_counter<posting_range>;
using near_document_counter = basic_document_counter<near_range>;

}  // namespace fp
