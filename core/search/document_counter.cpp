#include "core/search/document_counter.hpp"

#include <algorithm>
#include <array>
#include <type_traits>
#include <utility>

#include "core/search/stoppable_partition_point.hpp"
#include "core/segment/posting_table.hpp"

namespace fp {

namespace {

constexpr uint32_t ids_per_binary_search = 128;  ///< that are walked in the time of a search among them
constexpr size_t slots_a_slice = 1024;           ///< that are looked at between two looks at the clock

bool contains(const posting_table& table, const posting_range& range, document_id id, stop_condition& stop) {
  const uint64_t end = uint64_t{range.first} + range.count;
  const uint64_t at =
      stoppable_partition_point(range.first, end, stop, [&](uint64_t i) { return table.document_at(i) < id; });
  return at < end && table.document_at(at) == id;
}

bool is_newest(const snapshot::entry& e, document_id id) {
  return e.superseded == nullptr || !e.superseded->contains(id);
}

}  // namespace

template <class Range>
void basic_document_counter<Range>::begin(std::span<const snapshot::entry> entries, uint64_t expected,
                                          uint64_t min_score, const bounds& limits, stop_condition& stop) {
  entries_ = entries;
  expected_ = expected;
  min_score_ = min_score;
  bounds_ = limits;
  best_ = 0;
  first_ = 0;
  last_ = max_id;
  apart_.clear();
  scores_.clear(expected_, bounds_.table_bytes, stop);
}

template <class Range>
void basic_document_counter<Range>::count(std::vector<Range>& ranges, stop_condition& stop) {
  const auto max_apart = static_cast<size_t>(std::min<uint64_t>(min_score_ - 1, bounds_.apart));
  if constexpr (std::is_same_v<Range, near_range>) {
    apart_.take(ranges, max_apart, bounds_.apart, stop);
  } else {
    apart_.take(ranges, max_apart, stop);
  }
  count_all(ranges, stop);
}

template <class Range>
[[gnu::noinline]] Range basic_document_counter<Range>::in_window(const posting_table& postings, Range range,
                                                                 stop_condition& stop) const {
  const auto bound = [&](uint64_t begin, uint64_t end, uint64_t id) {
    return stoppable_partition_point(begin, end, stop, [&](uint64_t i) { return postings.document_at(i) < id; });
  };
  const uint64_t end = uint64_t{range.first} + range.count;
  stop.worked(units_of_a_page);
  const uint64_t first = first_ == 0 ? range.first : bound(range.first, end, first_);
  const uint64_t last = last_ == max_id ? end : bound(first, end, uint64_t{last_} + 1);
  range.first = static_cast<uint32_t>(first);
  range.count = static_cast<uint32_t>(last - first);
  return range;
}

template <class Range>
void basic_document_counter<Range>::add(std::span<hit> hits, stop_condition& stop) {
  while (!scores_.make_room(hits.size(), stop)) {
    last_ = scores_.drop_larger_half(stop) - 1;
    const auto end = std::remove_if(hits.begin(), hits.end(), [this](hit h) { return slot::id_of(h) > last_; });
    hits = hits.first(static_cast<size_t>(end - hits.begin()));
  }
  scores_.add(hits);
}

template <class Range>
void basic_document_counter<Range>::count_all(std::span<const Range> ranges, stop_condition& stop) {
  std::array<hit, table::max_block> block;  // to be counted together
  size_t filled = 0;
  size_t segment = SIZE_MAX;
  posting_table postings;  // a copy: the compiler cannot know that writing ids leaves the segment's own alone
  const doc_set* superseded = nullptr;
  bool windowed = !everything();
  uint32_t untold = 0;
  for (const Range& range : ranges) {
    if (range.segment != segment) {
      segment = range.segment;
      postings = entries_[segment].segment->postings();
      superseded = entries_[segment].superseded.get();
    }
    uint32_t at = range.first, left = range.count;
    if (windowed) [[unlikely]] {
      const Range part = in_window(postings, range, stop);
      at = part.first;
      left = part.count;
    }
    while (left > 0) {
      if (filled == block.size()) {
        const document_id last = last_;
        add(block, stop);
        filled = 0;
        if (last_ < last) {
          windowed = true;
          Range rest = range;
          rest.first = at;
          rest.count = left;
          rest = in_window(postings, rest, stop);
          at = rest.first;
          left = rest.count;
          continue;
        }
      }
      const uint32_t length = std::min(left, static_cast<uint32_t>(block.size() - filled));
      for (const uint32_t end = at + length; at < end; at++) {
        const document_id id = postings.document_at(at);
        block[filled] = counting<Range>::hit(id, range);
        filled += superseded == nullptr || !superseded->contains(id);
      }
      left -= length;
      untold += length;
      if (untold >= table::max_block || stop.wants_all()) stop.worked(std::exchange(untold, 0));
    }
  }
  add(std::span(block).first(filled), stop);
}

template <class Range>
void basic_document_counter<Range>::count_known(const Range& range, stop_condition& stop) {
  const snapshot::entry& e = entries_[range.segment];
  const posting_table& postings = e.segment->postings();
  if (all_promising_ && promising_.size() < range.count / ids_per_binary_search) {
    for (slot* const s : promising_) {
      if (!contains(postings, range, s->id, stop) || !is_newest(e, s->id)) continue;
      scores_.count(*s, counting<Range>::hit(s->id, range));
    }
    return;
  }
  for (uint32_t i = 0; i < range.count; i++) {
    if (i % table::max_block == 0) stop.worked(table::max_block);
    const document_id id = postings.document_at(uint64_t{range.first} + i);
    slot* const s = scores_.find(id);
    if (s != nullptr && is_newest(e, id)) scores_.count(*s, counting<Range>::hit(id, range));
  }
}

template <class Range>
void basic_document_counter<Range>::finish_pass(stop_condition& stop) {
  if (apart_.size() == 0) return;
  promising_.clear();
  all_promising_ = true;
  size_t looked_at = 0;
  for (slot& s : scores_.slots()) {
    if (++looked_at % slots_a_slice == 0) stop.worked(slots_a_slice);
    if (s.count == 0 || s.count + apart_.size() < min_score_) continue;
    if (promising_.size() == bounds_.apart) {
      all_promising_ = false;
      break;
    }
    promising_.push_back(&s);
  }
  apart_.for_each([&](const Range& range) {
    const posting_table& postings = entries_[range.segment].segment->postings();
    count_known(everything() ? range : in_window(postings, range, stop), stop);
  });
}

template <class Range>
bool basic_document_counter<Range>::next_pass(bool same_ranges, stop_condition& stop) {
  if (last_ == max_id) return false;
  document_id largest = 0;
  for (const auto& e : entries_) largest = std::max(largest, e.segment->info().max_document);
  if (last_ >= largest) return false;
  best_ = best();
  // As many ids as this time will do, or more where they lie less close.
  const uint64_t width = (uint64_t{last_} - first_ + 1) * (scores_.is_sparse() ? 2 : 1);
  first_ = last_ + 1;
  const uint64_t last = first_ + width - 1;
  last_ = last < largest ? static_cast<document_id>(last) : max_id;
  if (!same_ranges) apart_.clear();
  scores_.clear(expected_, bounds_.table_bytes, stop);
  return true;
}

template class basic_document_counter<posting_range>;
template class basic_document_counter<near_range>;

}  // namespace fp
