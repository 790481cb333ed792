#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/search/posting_range.hpp"
#include "core/search/stop_condition.hpp"

namespace fp {

/// The longest of the ranges that a search found, set apart. A document that is in fewer of them than a score
/// wants, and in no others, cannot reach it, so these need not be counted for all of their documents.
class apart_ranges {
 public:
  /// Takes the longest of the ranges in here and in `ranges`, at most `most` and none but long ones, and leaves the
  /// others in `ranges`. Throws as `stop` does.
  void take(std::vector<posting_range>& ranges, size_t most, stop_condition& stop);

  /// How much they add to a document's score at most.
  size_t size() const noexcept { return heap_.size(); }
  void clear() noexcept { heap_.clear(); }
  template <class F>
  void for_each(const F& f) const {
    for (const posting_range& range : heap_) f(range);
  }

  void release() noexcept { heap_ = {}; }
  uint64_t bytes() const noexcept { return heap_.capacity() * sizeof(posting_range); }

 private:
  std::vector<posting_range> heap_;  ///< with the shortest one in front
};

/// As `apart_ranges`, of all ranges of a query hash in a segment, which add one to a document's score together.
/// They must come together.
class apart_near_ranges {
 public:
  /// As there; at most `most` query hashes, with at most `most_ranges` ranges.
  void take(std::vector<near_range>& ranges, size_t most, size_t most_ranges, stop_condition& stop);

  size_t size() const noexcept { return heap_.size(); }
  void clear() noexcept {
    heap_.clear();
    num_ranges_ = 0;
  }
  /// Ranges of a query hash come one after the other.
  template <class F>
  void for_each(const F& f) const {
    for (const unit& u : heap_) {
      for (const near_range& range : u.ranges) f(range);
    }
  }

  void release() noexcept {
    heap_ = {};
    returned_ = {};
    num_ranges_ = 0;
  }
  uint64_t bytes() const noexcept {
    return heap_.capacity() * sizeof(unit) + (num_ranges_ + returned_.capacity()) * sizeof(near_range);
  }

 private:
  struct unit {
    uint64_t num_postings;
    std::vector<near_range> ranges;
  };
  static bool longer(const unit& a, const unit& b) noexcept { return a.num_postings > b.num_postings; }
  /// Whether ranges of so many postings are taken; gives some back for it where that has to be.
  bool make_room(uint64_t num_postings, size_t num_ranges, size_t most, size_t most_ranges);

  std::vector<unit> heap_;            ///< with the one of the fewest postings in front
  std::vector<near_range> returned_;  ///< that had been taken before longer ones came
  size_t num_ranges_ = 0;             ///< of all in `heap_`
};

}  // namespace fp
