#include "core/search/posting_lookup.hpp"

namespace fp {

namespace {

constexpr size_t cache_line = 64;
constexpr std::ptrdiff_t max_prefetched_bytes = 256;

/// Fetches the cache lines of [begin, end) into the nearest cache.
void prefetch(const std::byte* begin, const std::byte* end) {
  for (const std::byte* p = begin; p < end; p += cache_line) __builtin_prefetch(p);
  __builtin_prefetch(end - 1);
}

/// First position in [first, last) whose entry is at least `least`, without a branch on the entries.
uint32_t lower_bound(const packed_array& entries, uint32_t first, uint32_t last, uint64_t least) {
  uint32_t length = last - first;
  while (length > 1) {
    const uint32_t half = length / 2;
    first += entries[first + half - 1] < least ? half : 0;
    length -= half;
  }
  return first + (entries[first] < least);
}

/// End of the run of entries below `bound` that starts at `first`: most runs are short, those of hot hashes very
/// long.
uint32_t run_end(const packed_array& entries, uint32_t first, uint32_t last, uint64_t bound) {
  uint32_t step = 1;
  while (last - first > step && entries[first + step] < bound) {
    first += step;
    step *= 2;
  }
  uint32_t low = first + 1, high = last - first > step ? first + step : last;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (entries[middle] < bound) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

}  // namespace

void posting_lookup::start(const lookup& l) {
  ring_[started_++ % ring_size] = l;
  // A bucket's start and its end may lie in two cache lines.
  const std::byte* const bucket = l.table->bucket_address(l.first);
  prefetch(bucket, bucket + 2 * sizeof(uint32_t));
  if (started_ - read_ <= distance) return;
  read_bucket(ring_[read_++ % ring_size]);
  if (read_ - found_ > distance) find_tail(ring_[found_++ % ring_size]);
}

void posting_lookup::finish() {
  while (read_ < started_) {
    read_bucket(ring_[read_++ % ring_size]);
    if (read_ - found_ > distance) find_tail(ring_[found_++ % ring_size]);
  }
  while (found_ < read_) find_tail(ring_[found_++ % ring_size]);
}

void posting_lookup::read_bucket(lookup& l) const {
  const uint32_t bucket = l.first;
  l.first = l.table->bucket_start(bucket);
  l.last = l.table->bucket_start(bucket + 1);
  const packed_array& entries = l.table->entries();
  const std::byte* const begin = entries.address_of(l.first);
  // Every value is read as 8 bytes.
  const std::byte* const end = entries.address_of(l.last) + sizeof(uint64_t);
  if (end - begin <= max_prefetched_bytes) {
    prefetch(begin, end);
  } else {
    __builtin_prefetch(begin + (end - begin) / 2);
  }
}

void posting_lookup::find_tail(const lookup& l) {
  if (l.first == l.last) return;
  const packed_array& entries = l.table->entries();
  const uint64_t least = l.table->least_entry(l.tail), bound = l.table->least_entry(uint64_t{l.tail} + 1);
  const uint32_t first = lower_bound(entries, l.first, l.last, least);
  if (first == l.last || entries[first] >= bound) return;
  const uint32_t count = run_end(entries, first, l.last, bound) - first;
  out_.push_back({l.segment, first, count});
}

}  // namespace fp
