#include "core/search/window_counter.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "core/search/document_run.hpp"
#include "core/search/stoppable_partition_point.hpp"

namespace fp {

namespace {

constexpr uint64_t ids_a_posting = 24;     ///< where a cell for each id costs as much as a slot for each posting
constexpr uint32_t postings_a_step = 256;  ///< between two looks whether `stop` is to be told
constexpr uint64_t no_id = uint64_t{UINT32_MAX} + 1;
constexpr size_t ahead_bytes = size_t{512} << 10;  ///< of each range, on their way or not gone through

}  // namespace

template <class Range>
void basic_window_counter<Range>::begin(const posting_table& postings, std::span<unit> units, document_id first,
                                        document_id last, uint64_t max_bytes, stop_condition& stop,
                                        const segment* cold) {
  postings_ = postings;
  units_ = units;
  last_ = last;
  max_bytes_ = max_bytes;
  next_ = first;
  num_ranges_ = 0;
  if (bytes() > max_bytes) release();
  document_id largest = 0;
  for (unit& u : units) {
    for (Range& range : u.ranges()) {
      if (first > 0) drop_below(range, first, stop);
      const document_run run(postings_, range);
      if (range.count > 0) largest = std::max(largest, run.at(run.end() - 1));
      num_ranges_++;
    }
    stop.worked(units_of_a_page);
  }
  ahead_.clear();
  if (cold != nullptr) begin_ahead(*cold);
  look_ahead();
  max_width_ = std::min<uint64_t>(max_bytes / bytes_a_cell / cells_a_step * cells_a_step, most_cells);
  width_ = std::min(least_cells, max_width_);
  const uint64_t ids = next_ < largest ? std::min(largest, last) - next_ : 0;
  in_cells_ = postings_left_ * ids_a_posting >= ids;
  if (!in_cells_) {
    counts_ = std::vector<int16_t>();
    counted_by_ = std::vector<uint16_t>();
    slots_.clear(UINT64_MAX, max_bytes, stop);
    if (num_ranges_ > slots_.max_ids() / 4) in_cells_ = true;
  }
  if (in_cells_) {
    slots_.release();
    counts_.resize(max_width_);
    if (once_a_unit) counted_by_.resize(max_width_);
  }
}

template <class Range>
void basic_window_counter<Range>::drop_below(Range& range, document_id id, stop_condition& stop) const {
  const document_run run(postings_, range);
  const auto below = [&](uint64_t i) { return run.at(i) < id; };
  const uint64_t end = run.end();
  uint64_t first = run.first();
  for (uint64_t step = 1; first < end && below(first);) {
    const uint64_t last = std::min(end, first + step);
    if (last == end || !below(last)) {
      first = stoppable_partition_point(first + 1, last, stop, below);
      break;
    }
    first = last;
    step *= 2;
    if (step > entries_of_a_page) stop.worked(units_of_a_page);
  }
  range.first = static_cast<uint32_t>(first);
  range.count = static_cast<uint32_t>(end - first);
}

template <class Range>
void basic_window_counter<Range>::look_ahead() {
  units_left_ = 0;
  postings_left_ = 0;
  for (unit& u : units_) {
    uint64_t head = no_id;
    for (Range& range : u.ranges()) {
      if (range.count == 0) continue;
      const document_id id = document_run(postings_, range).at(range.first);
      // What does not ascend has turned into something else since it was checked.
      if (id < next_) {
        range.count = 0;
        continue;
      }
      head = std::min<uint64_t>(head, id);
      postings_left_ += range.count;
    }
    if (head < no_id) heads_[units_left_++] = static_cast<document_id>(head);
  }
  next_ = units_left_ > 0 ? *std::min_element(heads_.begin(), heads_.begin() + units_left_) : no_id;
}

template <class Range>
bool basic_window_counter<Range>::skip_to(uint64_t least, stop_condition& stop) {
  if (least > units_left_) return false;
  // Below the head of the unit that has the `least`th least one, there are documents of fewer units.
  const auto pivot = heads_.begin() + static_cast<std::ptrdiff_t>(least - 1);
  std::nth_element(heads_.begin(), pivot, heads_.begin() + static_cast<std::ptrdiff_t>(units_left_));
  stop.worked(static_cast<uint32_t>(units_left_));
  if (*pivot == next_) return true;
  // What lies behind the documents that are gone through may be asked for again, with other hits.
  if (*pivot > last_) return false;
  next_ = *pivot;
  for (unit& u : units_) {
    for (Range& range : u.ranges()) drop_below(range, static_cast<document_id>(next_), stop);
  }
  look_ahead();
  return least <= units_left_;
}

template <class Range>
bool basic_window_counter<Range>::next(uint64_t least, counting_work& work, stop_condition& stop) {
  if (!skip_to(least, stop) || next_ > last_) return false;
  if (!ahead_.empty()) ask_ahead(stop);
  first_ = static_cast<document_id>(next_);
  const uint64_t before = postings_left_;
  if (in_cells_) {
    width_ = std::min(width_ * 2, max_width_);
    count_in_cells(stop);
  } else {
    count_in_slots(stop);
  }
  look_ahead();
  stop.worked(static_cast<uint32_t>(num_ranges_));
  (in_cells_ ? work.in_cells : work.in_slots) += before - postings_left_;
  return true;
}

template <class Range>
void basic_window_counter<Range>::begin_ahead(const segment& cold) {
  ahead_.reserve(num_ranges_);
  const auto& entries = postings_.entries();
  for (unit& u : units_) {
    for (const Range& range : u.ranges()) {
      const std::byte* const begin = entries.address_of(range.first);
      const std::byte* const end =
          range.count == 0 ? begin : entries.address_of(range.first + range.count - 1) + sizeof(uint64_t);
      ahead_.emplace_back(cold, std::span(begin, end), ahead_bytes / 2);
    }
  }
}

template <class Range>
void basic_window_counter<Range>::ask_ahead(stop_condition& stop) {
  size_t number = 0;
  for (unit& u : units_) {
    for (const Range& range : u.ranges()) {
      read_ahead& ahead = ahead_[number++];
      if (range.count > 0) ahead.reached(postings_.entries().address_of(range.first));
      stop.worked(units_of_a_page);
    }
  }
}

template <class Range>
void basic_window_counter<Range>::count_in_cells(stop_condition& stop) {
  std::fill_n(counts_.begin(), width_, int16_t{0});
  if (once_a_unit) std::fill_n(counted_by_.begin(), width_, uint16_t{0});
  const uint64_t cells = std::min<uint64_t>(width_, uint64_t{last_} - first_ + 1);
  uint16_t number = 0;
  uint32_t untold = 0;
  int16_t* const counts = counts_.data();
  uint16_t* const counted_by = counted_by_.data();
  const document_id first = first_;
  for (unit& u : units_) {
    number++;
    for (Range& range : u.ranges()) {
      const document_run run(postings_, range);
      uint64_t at = run.first();
      for (uint64_t step_end = at; at == step_end && at < run.end();) {
        const uint64_t begun = at;
        step_end = std::min(run.end(), at + postings_a_step);
        at = run.walk(at, step_end, [&](document_id id) {
          const document_id cell = id - first;
          if (cell >= cells) return false;
          if constexpr (once_a_unit) {
            counts[cell] = static_cast<int16_t>(counts[cell] + (counted_by[cell] != number));
            counted_by[cell] = number;
          } else {
            counts[cell]++;
          }
          return true;
        });
        untold += static_cast<uint32_t>(at - begun);
        if (untold >= most_cells || stop.wants_all()) stop.worked(std::exchange(untold, 0));
      }
      range.first = static_cast<uint32_t>(at);
      range.count = static_cast<uint32_t>(run.end() - at);
    }
  }
  next_ = first_ + cells;
}

template <class Range>
uint64_t basic_window_counter<Range>::end_of_slots(uint64_t share) const {
  uint64_t end = uint64_t{last_} + 1;
  for (unit& u : units_) {
    for (const Range& range : u.ranges()) {
      const uint64_t most = 1 + share * range.count / postings_left_;
      if (range.count > most) end = std::min<uint64_t>(end, document_run(postings_, range).at(range.first + most));
    }
  }
  return std::max(end, uint64_t{first_} + 1);
}

template <class Range>
void basic_window_counter<Range>::count_in_slots(stop_condition& stop) {
  slots_.clear(UINT64_MAX, max_bytes_, stop);
  const uint64_t share = slots_.max_ids() - num_ranges_, end = end_of_slots(share);
  std::array<typename table::hit, table::max_block> block;
  size_t filled = 0;
  for (unit& u : units_) {
    for (Range& range : u.ranges()) {
      // Of damaged postings as many as of others.
      const uint64_t most = std::min<uint64_t>(range.count, 1 + share * range.count / postings_left_);
      const document_run run(postings_, range);
      const uint64_t at = run.walk(run.first(), run.first() + most, [&](document_id id) {
        if (id >= end) return false;
        block[filled++] = counting<Range>::hit(id, range);
        if (filled < block.size()) return true;
        slots_.add(block);
        stop.worked(static_cast<uint32_t>(std::exchange(filled, 0)));
        return true;
      });
      range.count -= static_cast<uint32_t>(at - range.first);
      range.first = static_cast<uint32_t>(at);
      if (stop.wants_all()) stop.worked(units_of_a_page);
    }
  }
  slots_.add(std::span(block).first(filled));
  next_ = end;
}

template class basic_window_counter<posting_range>;
template class basic_window_counter<near_range>;

}  // namespace fp
