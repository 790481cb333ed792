#include "core/search/posting_lookup.hpp"

#include <tuple>

#include "core/search/stoppable_partition_point.hpp"

namespace fp {

namespace {

constexpr std::ptrdiff_t cache_line = 64;
constexpr std::ptrdiff_t max_prefetched_bytes = 256;
constexpr uint32_t units_of_a_step = 8;  ///< of the work on one look-up

/// Fetches the cache lines of [begin, end) into the nearest cache, of long ones only that in the middle. Nearly all
/// have one or two lines, which take no branch that depends on the length. Inlined at once: GCC 12 finds that a
/// function of prefetches has no effect and drops its calls.
[[gnu::always_inline]] inline void prefetch(const std::byte* begin, const std::byte* end) {
  const std::ptrdiff_t length = end - begin;
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

/// First position in [first, last) whose entry is at least `bound`.
uint32_t lower_bound(const packed_array& entries, uint32_t first, uint32_t last, uint64_t bound,
                     stop_condition& stop) {
  return static_cast<uint32_t>(
      stoppable_partition_point(first, last, stop, [&](uint64_t i) { return entries[i] < bound; }));
}

/// End of the run of entries below `bound` that starts at `first`: most runs are short, those of hot hashes very
/// long.
uint32_t run_end(const packed_array& entries, uint32_t first, uint32_t last, uint64_t bound, stop_condition& stop) {
  uint32_t step = 1;
  while (last - first > step && entries[first + step] < bound) {
    first += step;
    step *= 2;
    if (step > entries_of_a_page) stop.worked(units_of_a_page);
  }
  return lower_bound(entries, first + 1, last - first > step ? first + step : last, bound, stop);
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

inline void posting_lookup::take_bucket_starts(lookup& l) {
  std::tie(l.first, l.last) = l.table->bucket_range(l.first);
  if (l.first == l.last) return;
  const packed_array& entries = l.table->entries();
  prefetch(entries.address_of(l.first), entries.address_of(l.last - 1) + sizeof(uint64_t));
}

inline void posting_lookup::search_entries(const lookup& l, std::array<posting_range, group_size>& found,
                                           size_t& num_found) {
  if (l.first == l.last) return;
  const packed_array& entries = l.table->entries();
  const uint64_t bound = l.least + l.table->least_entry(1);
  const uint32_t first = lower_bound(entries, l.first, l.last, l.least, stop_);
  if (first == l.last || entries[first] >= bound) return;
  found[num_found++] = {l.segment, first, run_end(entries, first, l.last, bound, stop_) - first};
}

void posting_lookup::step() {
  // Told one by one only when it matters: between look-ups the compiler then keeps nothing in registers.
  const bool cold = stop_.is_cold();
  for (lookup& l : std::span(fetched_->lookups).first(fetched_->size)) {
    take_bucket_starts(l);
    if (cold) stop_.worked(units_of_a_step);
  }
  std::array<posting_range, group_size> found;
  size_t num_found = 0;
  for (const lookup& l : std::span(read_->lookups).first(read_->size)) {
    search_entries(l, found, num_found);
    if (cold) stop_.worked(units_of_a_step);
  }
  if (!cold) stop_.worked(units_of_a_step * static_cast<uint32_t>(fetched_->size + read_->size));
  out_.insert(out_.end(), found.begin(), found.begin() + static_cast<std::ptrdiff_t>(num_found));

  read_->size = 0;
  group* const empty = read_;
  read_ = fetched_;
  fetched_ = new_;
  new_ = empty;
}

}  // namespace fp
