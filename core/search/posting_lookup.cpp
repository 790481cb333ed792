#include "core/search/posting_lookup.hpp"

#include <utility>

#include "core/search/stoppable_partition_point.hpp"

namespace fp {

namespace {

constexpr size_t cache_line = 64;
constexpr size_t max_prefetched_bytes = 256;
constexpr uint32_t units_of_a_step = 8;  ///< of the work on one look-up

/// Fetches the cache lines of [begin, end) into the nearest cache, of long ones only that in the middle. Nearly all
/// have one or two lines, which take no branch that depends on the length. Inlined at once: GCC 12 finds that a
/// function of prefetches has no effect and drops its calls.
[[gnu::always_inline]] inline void prefetch(const std::byte* begin, const std::byte* end) {
  const auto length = static_cast<size_t>(end - begin);
  if (length > max_prefetched_bytes) {
    __builtin_prefetch(begin + length / 2);
    return;
  }
  __builtin_prefetch(begin);
  __builtin_prefetch(begin + length / 2);
  __builtin_prefetch(end - 1);
  if (length <= 2 * cache_line) return;
  for (const std::byte* p = begin + cache_line; p < end; p += cache_line) __builtin_prefetch(p);
}

/// First position in [first, last) whose entry is at least `bound`. `Long`: there may be so many that steps are
/// told to `stop`.
template <bool Long>
[[gnu::always_inline]] inline uint32_t lower_bound(const packed_array& entries, uint32_t first, uint32_t last,
                                                   uint64_t bound, stop_condition& stop) {
  const auto below = [&](uint64_t i) { return entries[i] < bound; };
  if constexpr (Long) return static_cast<uint32_t>(stoppable_partition_point(first, last, stop, below));
  return static_cast<uint32_t>(partition_point(first, last, below));
}

/// End of the run of entries below `bound` that starts at `first`: most runs are short, those of hot hashes very
/// long.
template <bool Long>
[[gnu::always_inline]] inline uint32_t run_end(const packed_array& entries, uint32_t first, uint32_t last,
                                               uint64_t bound, stop_condition& stop) {
  uint32_t step = 1;
  while (last - first > step && entries[first + step] < bound) {
    first += step;
    step *= 2;
    if (Long && step > entries_of_a_page) stop.worked(units_of_a_page);
  }
  return lower_bound<Long>(entries, first + 1, last - first > step ? first + step : last, bound, stop);
}

}  // namespace

void posting_lookup::add(uint32_t segment, const posting_table& table, std::span<const hash_value> hashes) {
  const hash_split split = table.split();
  for (const hash_value h : hashes) {
    if (!split.holds(h)) continue;
    const uint32_t bucket = split.bucket(h);
    // A bucket's start and its end may lie in two cache lines.
    __builtin_prefetch(table.bucket_address(bucket));
    __builtin_prefetch(table.bucket_address(bucket + 2) - 1);
    new_->lookups[new_->size++] = {&table, table.least_entry(split.tail(h)), segment, bucket, 0};
    if (new_->size == group_size) step();
  }
}

void posting_lookup::finish() {
  while (new_->size + fetched_->size + read_->size > 0) step();
}

[[gnu::always_inline]] inline void posting_lookup::take_bucket_starts(lookup& l) {
  const auto [first, last] = l.table->bucket_range(l.first);
  l.first = first;
  l.last = last;
  if (first == last) return;
  const packed_array& entries = l.table->entries();
  prefetch(entries.address_of(first), entries.address_of(last - 1) + sizeof(uint64_t));
}

template <bool Long>
[[gnu::always_inline]] inline void posting_lookup::search_entries(const lookup& l) {
  const packed_array& entries = l.table->entries();
  const uint64_t bound = l.least + l.table->least_entry(1);
  const uint32_t first = lower_bound<Long>(entries, l.first, l.last, l.least, stop_);
  if (first == l.last || entries[first] >= bound) return;
  out_.push_back({l.segment, first, run_end<Long>(entries, first, l.last, bound, stop_) - first});
}

void posting_lookup::search_long(const lookup& l) { search_entries<true>(l); }

template <class F>
[[gnu::always_inline]] inline void posting_lookup::for_each_told(group& g, const F& f) {
  lookup* const end = g.lookups.data() + g.size;
  for (lookup* l = g.lookups.data(); l != end;) {
    const lookup* const first = l;
    do {
      f(*l++);
    } while (l != end && !stop_.wants_all());
    stop_.worked(units_of_a_step * static_cast<uint32_t>(l - first));
  }
}

void posting_lookup::step() {
  for_each_told(*fetched_, [](lookup& l) { take_bucket_starts(l); });
  for_each_told(*read_, [this](const lookup& l) {
    if (l.last - l.first > entries_of_a_page) [[unlikely]] {
      search_long(l);
    } else if (l.first != l.last) {
      search_entries<false>(l);
    }
  });

  read_->size = 0;
  group* const empty = read_;
  read_ = fetched_;
  fetched_ = new_;
  new_ = empty;
}

}  // namespace fp
