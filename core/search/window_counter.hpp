#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/search/apart_ranges.hpp"
#include "core/search/counting.hpp"
#include "core/search/counting_work.hpp"
#include "core/search/stop_condition.hpp"
#include "core/segment/posting_table.hpp"
#include "core/segment/read_ahead.hpp"

namespace fp {

/// Counts the documents of long ranges of one segment, window after window of ascending ids, so that whoever needs
/// no more can stop, and what is counted stays in the cache. Where ids lie close, a window has a cell for each id;
/// where they lie far apart, it has as many postings as its small hash table has room for.
template <class Range>
class basic_window_counter {
 public:
  using unit = apart_unit<Range>;

  explicit basic_window_counter(seeded_mix mix) : slots_(mix) {}

  /// Goes through the documents [first, last] of `units`, of which there are at most `max_units`, with `max_bytes`
  /// of memory (`min_bytes` or more). Postings that are done with are taken out of the units. All functions throw
  /// as `stop` does. `cold`: the segment, if pages of it are to be asked for before postings are gone through.
  void begin(const posting_table& postings, std::span<unit> units, document_id first, document_id last,
             uint64_t max_bytes, stop_condition& stop, const segment* cold = nullptr);
  /// No document that has not been counted has a lesser id.
  document_id next_id() const noexcept { return static_cast<document_id>(std::min(next_, max_id)); }
  /// Counts the next window of documents of which some may be in `least` units (1 or more); false when there is
  /// none.
  bool next(uint64_t least, counting_work& work, stop_condition& stop);
  /// Calls `f(id, count)` for documents of the window whose count is `least` (1 or more) or more; it returns the
  /// least count from then on.
  template <class F>
  void for_each(uint64_t least, stop_condition& stop, const F& f) const;

  void release() noexcept {
    counts_ = std::vector<int16_t>();
    counted_by_ = std::vector<uint16_t>();
    slots_.release();
    ahead_ = std::vector<read_ahead>();
  }
  uint64_t bytes() const noexcept {
    return counts_.capacity() * sizeof(int16_t) + counted_by_.capacity() * sizeof(uint16_t) + slots_.bytes() +
           ahead_.capacity() * sizeof(read_ahead);
  }

  static constexpr size_t max_units = 1024;  ///< each takes a step in each window
  static constexpr uint64_t min_bytes = 4096;

 private:
  using table = typename counting<Range>::table;

  /// Notes the least document of each unit that has any left.
  void look_ahead();
  /// Goes to the first document that may be in `least` units; false when there is none.
  bool skip_to(uint64_t least, stop_condition& stop);
  /// Takes the documents below `id` out of a range.
  void drop_below(Range& range, document_id id, stop_condition& stop) const;
  void begin_ahead(const segment& cold);
  /// Has what comes next of each range come from the disk.
  void ask_ahead(stop_condition& stop);
  /// Count a window, and move `next_` behind it.
  void count_in_cells(stop_condition& stop);
  void count_in_slots(stop_condition& stop);
  /// Where a window ends that has no more postings of each range than its share of the slots.
  uint64_t end_of_slots(uint64_t share) const;

  static constexpr bool once_a_unit = counting<Range>::once_a_unit;
  static constexpr uint64_t bytes_a_cell = sizeof(int16_t) + (once_a_unit ? sizeof(uint16_t) : 0);
  static constexpr size_t cells_a_step = 64;  ///< that are looked at together
  static constexpr size_t least_cells = 1024, most_cells = 16 * 1024;
  static constexpr uint64_t max_id = UINT32_MAX;

  posting_table postings_;
  std::vector<read_ahead> ahead_;  ///< of each range; none where nothing is to be asked for
  std::span<unit> units_;
  size_t num_ranges_ = 0;
  document_id last_ = 0;
  uint64_t max_bytes_ = 0;

  uint64_t next_ = 0;                         ///< no posting that is left has a lesser id
  uint64_t postings_left_ = 0;                ///< of all units
  size_t units_left_ = 0;                     ///< that have postings
  std::array<document_id, max_units> heads_;  ///< the least document of each of these, in no order

  bool in_cells_ = true;
  document_id first_ = 0;             ///< of the window
  size_t width_ = 0, max_width_ = 0;  ///< cells of a window
  std::vector<int16_t> counts_;
  std::vector<uint16_t> counted_by_;  ///< the number of the unit that counted last, from 1 on
  table slots_;
};

template <class Range>
template <class F>
void basic_window_counter<Range>::for_each(uint64_t least, stop_condition& stop, const F& f) const {
  if (!in_cells_) {
    for (const auto& s : slots_.slots()) {
      if (s.count >= least) least = f(s.id, s.count);
    }
    stop.worked(static_cast<uint32_t>(slots_.slots().size()));
    return;
  }
  for (size_t at = 0; at < width_ && least <= max_units; at += cells_a_step) {
    const int16_t* const some = counts_.data() + at;
    int16_t most = 0;
    for (size_t i = 0; i < cells_a_step; i++) most = std::max(most, some[i]);
    if (static_cast<uint64_t>(most) < least) continue;
    for (size_t i = 0; i < cells_a_step; i++) {
      const auto count = static_cast<uint64_t>(some[i]);
      if (count >= least) least = f(first_ + static_cast<document_id>(at + i), static_cast<uint32_t>(count));
    }
    stop.worked(cells_a_step);
  }
  stop.worked(static_cast<uint32_t>(width_ / 8));
}

extern template class basic_window_counter<posting_range>;
extern template class basic_window_counter<near_range>;

}  // namespace fp
