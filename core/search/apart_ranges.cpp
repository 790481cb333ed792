#include "core/search/apart_ranges.hpp"

#include <algorithm>
#include <type_traits>
#include <utility>

namespace fp {

namespace {

// Postings that are worth the look at what may be left out. Near ones come in many short ranges.
constexpr uint32_t long_range = 256, long_near_unit = 1024;
constexpr size_t ranges_a_slice = 256;  ///< that are sorted out between two looks at the clock

bool is_long(const posting_range& range) { return range.count >= long_range; }

}  // namespace

template <class Range>
bool basic_apart_ranges<Range>::make_room(uint64_t num_postings, size_t num_ranges, size_t most,
                                          size_t most_ranges) {
  if (units_.size() < most && num_ranges_ + num_ranges <= most_ranges) return true;
  if (units_.empty()) return false;
  unit& shortest = units_.front();
  if (num_postings <= shortest.num_postings()) return false;
  if (num_ranges_ - shortest.ranges().size() + num_ranges > most_ranges) return false;
  std::pop_heap(units_.begin(), units_.end(), longer);
  const auto returned = units_.back().ranges();
  returned_.insert(returned_.end(), returned.begin(), returned.end());
  num_ranges_ -= returned.size();
  units_.pop_back();
  return true;
}

template <>
void basic_apart_ranges<posting_range>::take(std::vector<posting_range>& ranges, size_t most, size_t most_ranges,
                                             stop_condition& stop) {
  const auto first_long = std::find_if(ranges.begin(), ranges.end(), is_long);
  auto kept = static_cast<size_t>(first_long - ranges.begin());
  for (size_t i = kept; i < ranges.size(); i++) {
    if (i % ranges_a_slice == ranges_a_slice - 1) stop.worked(ranges_a_slice);
    const posting_range range = ranges[i];
    if (is_long(range) && make_room(range.count, 1, most, most_ranges)) {
      units_.push_back({range});
      std::push_heap(units_.begin(), units_.end(), longer);
      num_ranges_++;
      if (returned_.empty()) continue;
      ranges[kept++] = returned_.back();
      returned_.clear();
    } else {
      ranges[kept++] = range;
    }
  }
  ranges.resize(kept);
}

template <>
void basic_apart_ranges<near_range>::take(std::vector<near_range>& ranges, size_t most, size_t most_ranges,
                                          stop_condition& stop) {
  size_t kept = 0;
  for (auto first = ranges.begin(); first != ranges.end();) {
    uint64_t num_postings = 0;
    auto last = first;
    for (; last != ranges.end() && last->belongs_with(*first); ++last) num_postings += last->count;
    const auto length = static_cast<size_t>(last - first);
    if (num_postings >= long_near_unit && make_room(num_postings, length, most, most_ranges)) {
      units_.push_back({num_postings, {first, last}});
      std::push_heap(units_.begin(), units_.end(), longer);
      num_ranges_ += length;
    } else {
      std::move(first, last, ranges.begin() + static_cast<std::ptrdiff_t>(kept));
      kept += length;
    }
    first = last;
    stop.worked(static_cast<uint32_t>(length));
  }
  ranges.resize(kept);
  ranges.insert(ranges.end(), returned_.begin(), returned_.end());
  returned_.clear();
}

template <class Range>
void basic_apart_ranges<Range>::arrange(uint64_t least, uint64_t most_postings) {
  arranged_ = true;
  num_to_count_ = 0;
  std::sort(units_.begin(), units_.end(), [](const unit& a, const unit& b) {
    return a.segment() != b.segment() ? a.segment() < b.segment() : a.num_postings() < b.num_postings();
  });
  for (size_t first = 0, last; first < units_.size(); first = last) {
    last = end_of_segment(first);
    if (last - first < least) continue;
    const size_t too_many = last - first - (least - 1);
    uint64_t postings = 0;
    for (size_t i = first; i < first + too_many; i++) postings += units_[i].num_postings();
    if (postings > most_postings) continue;
    const auto at = [this](size_t i) { return units_.begin() + static_cast<std::ptrdiff_t>(i); };
    std::rotate(at(num_to_count_), at(first), at(first + too_many));
    num_to_count_ += too_many;
  }
}

template <class Range>
size_t basic_apart_ranges<Range>::end_of_segment(size_t first) const noexcept {
  size_t last = first + 1;
  while (last < units_.size() && units_[last].segment() == units_[first].segment()) last++;
  return last;
}

template <class Range>
uint64_t basic_apart_ranges<Range>::bytes() const noexcept {
  const uint64_t inside = std::is_same_v<Range, near_range> ? num_ranges_ * sizeof(Range) : 0;
  return units_.capacity() * sizeof(unit) + returned_.capacity() * sizeof(Range) + inside;
}

template class basic_apart_ranges<posting_range>;
template class basic_apart_ranges<near_range>;

}  // namespace fp
