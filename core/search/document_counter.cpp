#include "core/search/document_counter.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "core/search/stoppable_partition_point.hpp"

namespace fp {

namespace {

constexpr uint32_t long_range = 1024;            ///< postings that are worth the look at what may be left out
constexpr uint32_t ids_per_binary_search = 128;  ///< that are walked in the time of a search among them
constexpr size_t ranges_a_slice = 256;           ///< that are sorted out between two looks at the clock
constexpr size_t slots_a_slice = 1024;           ///< that are looked at between two looks at the clock

bool longer(const posting_range& a, const posting_range& b) { return a.count > b.count; }

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

void document_counter::begin(std::span<const snapshot::entry> entries, uint64_t expected, uint64_t min_score,
                             const bounds& limits, stop_condition& stop) {
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

void document_counter::count(std::vector<posting_range>& ranges, stop_condition& stop) {
  const uint64_t max_apart = std::min<uint64_t>(min_score_ - 1, bounds_.apart);
  const auto is_long = [](const posting_range& range) { return range.count >= long_range; };
  const auto first_long = max_apart > 0 ? std::find_if(ranges.begin(), ranges.end(), is_long) : ranges.end();
  auto kept = static_cast<size_t>(first_long - ranges.begin());
  for (size_t i = kept; i < ranges.size(); i++) {
    if (i % ranges_a_slice == ranges_a_slice - 1) stop.worked(ranges_a_slice);
    posting_range& range = ranges[i];
    if (is_long(range)) {
      if (apart_.size() < max_apart) {
        apart_.push_back(range);
        std::push_heap(apart_.begin(), apart_.end(), longer);
        continue;
      }
      if (longer(range, apart_.front())) {
        std::pop_heap(apart_.begin(), apart_.end(), longer);
        std::swap(range, apart_.back());
        std::push_heap(apart_.begin(), apart_.end(), longer);
      }
    }
    ranges[kept++] = range;
  }
  ranges.resize(kept);
  count_all(ranges, stop);
}

[[gnu::noinline]] posting_range document_counter::in_window(const posting_table& table, const posting_range& range,
                                                            stop_condition& stop) const {
  const auto bound = [&](uint64_t begin, uint64_t end, uint64_t id) {
    return stoppable_partition_point(begin, end, stop, [&](uint64_t i) { return table.document_at(i) < id; });
  };
  const uint64_t end = uint64_t{range.first} + range.count;
  stop.worked(units_of_a_page);
  const uint64_t first = first_ == 0 ? range.first : bound(range.first, end, first_);
  const uint64_t last = last_ == max_id ? end : bound(first, end, uint64_t{last_} + 1);
  return {range.segment, static_cast<uint32_t>(first), static_cast<uint32_t>(last - first)};
}

void document_counter::add(std::span<document_id> ids, stop_condition& stop) {
  while (!scores_.make_room(ids.size(), stop)) {
    last_ = scores_.drop_larger_half(stop) - 1;
    const auto end = std::remove_if(ids.begin(), ids.end(), [this](document_id id) { return id > last_; });
    ids = ids.first(static_cast<size_t>(end - ids.begin()));
  }
  scores_.add(ids);
}

void document_counter::count_all(std::span<const posting_range> ranges, stop_condition& stop) {
  std::array<document_id, score_table::max_block> block;  // to be counted together
  size_t filled = 0;
  size_t segment = SIZE_MAX;
  posting_table table;  // a copy: the compiler cannot know that writing ids leaves the segment's own alone
  const doc_set* superseded = nullptr;
  bool windowed = !everything();
  uint32_t untold = 0;
  for (const posting_range& range : ranges) {
    if (range.segment != segment) {
      segment = range.segment;
      table = entries_[segment].segment->postings();
      superseded = entries_[segment].superseded.get();
    }
    uint32_t at = range.first, left = range.count;
    if (windowed) [[unlikely]] {
      const posting_range part = in_window(table, range, stop);
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
          const posting_range rest = in_window(table, {range.segment, at, left}, stop);
          at = rest.first;
          left = rest.count;
          continue;
        }
      }
      const uint32_t length = std::min(left, static_cast<uint32_t>(block.size() - filled));
      for (const uint32_t end = at + length; at < end; at++) {
        const document_id id = table.document_at(at);
        block[filled] = id;
        filled += superseded == nullptr || !superseded->contains(id);
      }
      left -= length;
      untold += length;
      if (untold >= score_table::max_block || stop.wants_all()) stop.worked(std::exchange(untold, 0));
    }
  }
  add(std::span(block).first(filled), stop);
}

void document_counter::count_known(const posting_range& range, stop_condition& stop) {
  const snapshot::entry& e = entries_[range.segment];
  const posting_table& table = e.segment->postings();
  if (all_promising_ && promising_.size() < range.count / ids_per_binary_search) {
    for (slot* const s : promising_) {
      if (contains(table, range, s->id, stop) && is_newest(e, s->id)) scores_.count(*s);
    }
    return;
  }
  for (uint32_t i = 0; i < range.count; i++) {
    if (i % score_table::max_block == 0) stop.worked(score_table::max_block);
    const document_id id = table.document_at(uint64_t{range.first} + i);
    if (slot* const s = scores_.find(id); s != nullptr && is_newest(e, id)) scores_.count(*s);
  }
}

void document_counter::finish_pass(stop_condition& stop) {
  if (apart_.empty()) return;
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
  for (const posting_range& range : apart_) {
    const posting_table& table = entries_[range.segment].segment->postings();
    count_known(everything() ? range : in_window(table, range, stop), stop);
  }
}

bool document_counter::next_pass(bool same_ranges, stop_condition& stop) {
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

}  // namespace fp
