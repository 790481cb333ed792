#include "core/search/document_counter.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <utility>

#include "core/search/document_lookup.hpp"
#include "core/search/stoppable_partition_point.hpp"
#include "core/segment/posting_table.hpp"

namespace fp {

namespace {

constexpr uint64_t most_counted = 8'192;  ///< postings of long ranges that are counted like others, of a segment
constexpr uint32_t ids_a_lookup = 16;     ///< that are walked in the time of a look-up among them
constexpr size_t slots_a_slice = 1024;    ///< that are looked at between two looks at the clock

bool is_newest(const snapshot::entry& e, document_id id) {
  return e.superseded == nullptr || !e.superseded->contains(id);
}

}  // namespace

template <class Range>
void basic_document_counter<Range>::begin(std::span<const snapshot::entry> entries, const bounds& limits) {
  entries_ = entries;
  bounds_ = limits;
  work_ = {};
  laid_out_ = false;
  first_ = 0;
  last_ = max_id;
  apart_.clear();
  if (windows_.bytes() > limits.window_bytes) windows_.release();
}

template <class Range>
void basic_document_counter<Range>::count(std::vector<Range>& ranges, bool last, stop_condition& stop) {
  if (!apart_.arranged())
    apart_.take(ranges, std::min(bounds_.apart, basic_window_counter<Range>::max_units), bounds_.apart, stop);
  if (!laid_out_) {
    expected_ = last ? 0 : UINT32_MAX;
    for (const Range& range : ranges) expected_ += range.count;
    scores_.clear(expected_, bounds_.table_bytes, stop);
    laid_out_ = true;
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
      work_.counted += length;
      if (untold >= table::max_block || stop.wants_all()) stop.worked(std::exchange(untold, 0));
    }
  }
  add(std::span(block).first(filled), stop);
}

template <class Range>
void basic_document_counter<Range>::finish_pass(top_results& results, stop_condition& stop) {
  results.promise(scores_.best());
  if (!apart_.arranged()) apart_.arrange(results.least_score(0), most_counted);
  for (unit& u : apart_.to_count()) count_all(u.ranges(), stop);
  results.promise(scores_.best());
  finish_known(results, stop);
  apart_.for_each_segment([&](std::span<unit> units) { count_unknown(units, results, stop); });
}

template <class Range>
void basic_document_counter<Range>::finish_known(top_results& results, stop_condition& stop) {
  size_t most_units = 0;
  apart_.for_each_segment([&](std::span<unit> units) { most_units = std::max(most_units, units.size()); });
  if (most_units == 0) {
    results.collect(scores_, stop);
    return;
  }
  find_promising(results, most_units, stop);
  // From the shortest of each segment to the longest: the longer a range is, the fewer documents are left to be
  // looked up in it.
  for (size_t left = most_units; left > 0; left--) {
    if (all_promising_) drop_others(results, left, stop);
    if (all_promising_ && promising_.empty()) return;
    apart_.for_each_segment([&](std::span<unit> units) {
      if (units.size() < left) return;
      for (const Range& range : units[units.size() - left].ranges()) count_known(range, stop);
    });
    results.promise(scores_.best());
  }
  if (!all_promising_) {
    results.collect(scores_, stop);
    return;
  }
  for (const slot* s : promising_) results.add({s->id, s->count});
  stop.worked(static_cast<uint32_t>(promising_.size()));
}

template <class Range>
void basic_document_counter<Range>::find_promising(const top_results& results, uint64_t more,
                                                   stop_condition& stop) {
  promising_.clear();
  all_promising_ = true;
  const uint64_t least = results.least_score(0), needed = least > more ? least - more : 1;
  if (scores_.best() < needed) return;
  const auto is_enough = [needed = static_cast<uint32_t>(needed)](const slot& s) { return s.count >= needed; };
  const auto slots = scores_.slots();
  for (size_t at = 0; at < slots.size(); at += slots_a_slice) {
    const auto some = slots.subspan(at, std::min(slots_a_slice, slots.size() - at));
    // Few slots are worth more than a look: the library unrolls the loop over the others.
    for (auto s = some.begin(); (s = std::find_if(s, some.end(), is_enough)) != some.end(); ++s) {
      if (promising_.size() == bounds_.apart) {
        all_promising_ = false;
        return;
      }
      promising_.push_back(&*s);
    }
    stop.worked(static_cast<uint32_t>(some.size()));
  }
}

template <class Range>
void basic_document_counter<Range>::drop_others(top_results& results, uint64_t more, stop_condition& stop) {
  uint64_t least = results.least_score(0);
  if (promising_.size() > results.limit() && results.limit() > 0) {
    // There are as many results as are asked for whose scores are at least this.
    const auto worst = promising_.begin() + (results.limit() - 1);
    std::nth_element(promising_.begin(), worst, promising_.end(),
                     [](const slot* a, const slot* b) { return a->count > b->count; });
    least = std::max<uint64_t>(least, (*worst)->count);
  }
  stop.worked(static_cast<uint32_t>(promising_.size()));
  std::erase_if(promising_, [&](const slot* s) { return s->count + more < least; });
}

template <class Range>
void basic_document_counter<Range>::count_known(const Range& range, stop_condition& stop) {
  const snapshot::entry& e = entries_[range.segment];
  const posting_table& postings = e.segment->postings();
  const Range part = everything() ? range : in_window(postings, range, stop);
  if (part.count == 0) return;
  const document_run run(postings, part);
  if (all_promising_ && promising_.size() < part.count / ids_a_lookup) {
    const document_lookup lookup(run);
    std::array<document_id, document_lookup::max_ids> ids;
    for (size_t at = 0; at < promising_.size(); at += ids.size()) {
      const auto some = std::span(promising_).subspan(at, std::min(ids.size(), promising_.size() - at));
      std::transform(some.begin(), some.end(), ids.begin(), [](const slot* s) { return s->id; });
      const uint32_t held = lookup.find(std::span(ids).first(some.size()), stop);
      for (uint32_t left = held; left != 0; left &= left - 1) {
        slot& s = *some[static_cast<size_t>(std::countr_zero(left))];
        if (is_newest(e, s.id)) scores_.count(s, counting<Range>::hit(s.id, range));
      }
    }
    work_.looked_up += promising_.size();
    return;
  }
  for (uint64_t at = run.first(); at < run.end();) {
    stop.worked(table::max_block);
    at = run.walk(at, std::min(run.end(), at + table::max_block), [&](document_id id) {
      slot* const s = scores_.find(id);
      if (s != nullptr && is_newest(e, id)) scores_.count(*s, counting<Range>::hit(id, range));
      return true;
    });
  }
  work_.walked += part.count;
}

template <class Range>
void basic_document_counter<Range>::count_unknown(std::span<unit> of_segment, top_results& results,
                                                  stop_condition& stop) {
  if (results.least_score(first_) > of_segment.size()) return;
  const snapshot::entry& e = entries_[of_segment.front().segment()];
  const segment* const cold = bounds_.may_be_cold && e.segment->is_on_disk() ? e.segment.get() : nullptr;
  windows_.begin(e.segment->postings(), of_segment, first_, last_, bounds_.window_bytes, stop, cold);
  for (;;) {
    const document_id first = windows_.next_id();
    const uint64_t least = results.least_score(first);
    if (!windows_.next(least, work_, stop)) return;
    windows_.for_each(least, stop, [&](document_id id, uint32_t score) {
      // What the table holds has been added with all that it has.
      if (is_newest(e, id) && scores_.find(id) == nullptr) results.add({id, score});
      return results.least_score(first);
    });
  }
}

template <class Range>
bool basic_document_counter<Range>::next_pass(bool same_ranges, stop_condition& stop) {
  if (last_ == max_id) return false;
  document_id largest = 0;
  for (const auto& e : entries_) largest = std::max(largest, e.segment->info().max_document);
  if (last_ >= largest) return false;
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
