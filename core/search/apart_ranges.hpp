#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/search/posting_range.hpp"
#include "core/search/stop_condition.hpp"

namespace fp {

/// A long range, or all ranges of a query hash in a segment of which one is near it: what adds one to a document's
/// score.
template <class Range>
struct apart_unit;
template <>
struct apart_unit<posting_range> {
  posting_range range;

  uint32_t segment() const noexcept { return range.segment; }
  uint64_t num_postings() const noexcept { return range.count; }
  std::span<posting_range> ranges() noexcept { return {&range, 1}; }
};
template <>
struct apart_unit<near_range> {
  uint64_t postings;
  std::vector<near_range> all;  ///< one or more

  uint32_t segment() const noexcept { return all.front().segment; }
  uint64_t num_postings() const noexcept { return postings; }
  std::span<near_range> ranges() noexcept { return all; }
};

/// The longest of the ranges that a search found, set apart. A document that is in fewer of them than a score
/// wants, and in no others, cannot reach it, so these need not be counted for all of their documents. A document's
/// newest version lies in one segment: only the ranges of that one count together.
template <class Range>
class basic_apart_ranges {
 public:
  using unit = apart_unit<Range>;

  /// Takes the longest of what is in here and in `ranges`, at most `most` units of at most `most_ranges` ranges,
  /// and none but long ones, and leaves the others in `ranges`. Ranges that belong together must come together. Not
  /// after `arrange`. Throws as `stop` does.
  void take(std::vector<Range>& ranges, size_t most, size_t most_ranges, stop_condition& stop);

  /// Sorts out what is to be counted like short ranges: the shortest of a segment, if then too few are left there
  /// to give a document `least` (1 or more) alone, and if these have no more than `most_postings`.
  void arrange(uint64_t least, uint64_t most_postings);
  bool arranged() const noexcept { return arranged_; }
  std::span<unit> to_count() noexcept { return std::span(units_).first(num_to_count_); }
  /// The others: calls `f` with those of each segment, the shortest first.
  template <class F>
  void for_each_segment(const F& f) {
    for (size_t first = num_to_count_; first < units_.size();) {
      const size_t last = end_of_segment(first);
      f(std::span(units_).subspan(first, last - first));
      first = last;
    }
  }

  bool empty() const noexcept { return units_.empty(); }
  void clear() noexcept {
    units_.clear();
    num_ranges_ = num_to_count_ = 0;
    arranged_ = false;
  }
  void release() noexcept {
    units_ = std::vector<unit>();
    returned_ = std::vector<Range>();
    clear();
  }
  uint64_t bytes() const noexcept;

 private:
  static bool longer(const unit& a, const unit& b) noexcept { return a.num_postings() > b.num_postings(); }
  /// Whether ranges of so many postings are taken; gives some back for it where that has to be.
  bool make_room(uint64_t num_postings, size_t num_ranges, size_t most, size_t most_ranges);
  size_t end_of_segment(size_t first) const noexcept;

  std::vector<unit>
      units_;  ///< a heap with the shortest one in front; arranged: what is to be counted, then the rest
  std::vector<Range> returned_;  ///< that had been taken before longer ones came
  size_t num_ranges_ = 0;        ///< of all in `units_`
  size_t num_to_count_ = 0;
  bool arranged_ = false;
};

template <>
void basic_apart_ranges<posting_range>::take(std::vector<posting_range>& ranges, size_t most, size_t most_ranges,
                                             stop_condition& stop);
template <>
void basic_apart_ranges<near_range>::take(std::vector<near_range>& ranges, size_t most, size_t most_ranges,
                                          stop_condition& stop);
extern template class basic_apart_ranges<posting_range>;
extern template class basic_apart_ranges<near_range>;

}  // namespace fp
