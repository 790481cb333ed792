#include "core/search/apart_ranges.hpp"

#include <algorithm>

namespace fp {

namespace {

constexpr uint32_t long_range = 1024;   ///< postings that are worth the look at what may be left out
constexpr size_t ranges_a_slice = 256;  ///< that are sorted out between two looks at the clock

bool longer(const posting_range& a, const posting_range& b) { return a.count > b.count; }
bool is_long(const posting_range& range) { return range.count >= long_range; }

}  // namespace

void apart_ranges::take(std::vector<posting_range>& ranges, size_t most, stop_condition& stop) {
  const auto first_long = most > 0 ? std::find_if(ranges.begin(), ranges.end(), is_long) : ranges.end();
  auto kept = static_cast<size_t>(first_long - ranges.begin());
  for (size_t i = kept; i < ranges.size(); i++) {
    if (i % ranges_a_slice == ranges_a_slice - 1) stop.worked(ranges_a_slice);
    posting_range& range = ranges[i];
    if (is_long(range)) {
      if (heap_.size() < most) {
        heap_.push_back(range);
        std::push_heap(heap_.begin(), heap_.end(), longer);
        continue;
      }
      if (longer(range, heap_.front())) {
        std::pop_heap(heap_.begin(), heap_.end(), longer);
        std::swap(range, heap_.back());
        std::push_heap(heap_.begin(), heap_.end(), longer);
      }
    }
    ranges[kept++] = range;
  }
  ranges.resize(kept);
}

bool apart_near_ranges::make_room(uint64_t num_postings, size_t num_ranges, size_t most, size_t most_ranges) {
  if (heap_.size() < most && num_ranges_ + num_ranges <= most_ranges) return true;
  if (heap_.empty()) return false;
  const unit& shortest = heap_.front();
  if (num_postings <= shortest.num_postings) return false;
  if (num_ranges_ - shortest.ranges.size() + num_ranges > most_ranges) return false;
  std::pop_heap(heap_.begin(), heap_.end(), longer);
  returned_.insert(returned_.end(), heap_.back().ranges.begin(), heap_.back().ranges.end());
  num_ranges_ -= heap_.back().ranges.size();
  heap_.pop_back();
  return true;
}

void apart_near_ranges::take(std::vector<near_range>& ranges, size_t most, size_t most_ranges,
                             stop_condition& stop) {
  if (most == 0) return;
  size_t kept = 0;
  for (auto first = ranges.begin(); first != ranges.end();) {
    uint64_t num_postings = 0;
    auto last = first;
    for (; last != ranges.end() && last->belongs_with(*first); ++last) num_postings += last->count;
    const auto length = static_cast<size_t>(last - first);
    if (num_postings >= long_range && make_room(num_postings, length, most, most_ranges)) {
      heap_.push_back({num_postings, {first, last}});
      std::push_heap(heap_.begin(), heap_.end(), longer);
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

}  // namespace fp
