#include "core/search/near_lookup.hpp"

#include <algorithm>
#include <bit>

#include "core/search/bucket_search.hpp"

namespace fp {

namespace {

// Entries of a span that are compared one by one where several rests count.
constexpr uint32_t max_compared = 256;
constexpr uint32_t window_size = 7;  ///< entries that are searched in a fixed number of steps
constexpr uint32_t visits_a_look = 16;

/// Calls `f(near, left)` for each number that differs from one of `bits` bits in at most `reach` (0 to 2) of them,
/// with how many more could differ.
template <class F>
[[gnu::always_inline]] inline void for_each_near(uint32_t number, unsigned bits, unsigned reach, const F& f) {
  f(number, reach);
  if (reach == 0) return;
  for (unsigned i = 0; i < bits; i++) {
    const uint32_t one = number ^ (uint32_t{1} << i);
    f(one, reach - 1);
    if (reach == 1) continue;
    for (unsigned j = 0; j < i; j++) f(one ^ (uint32_t{1} << j), reach - 2);
  }
}

/// The cache behind the nearest one waits for more lines at once.
constexpr int locality = 2;
[[gnu::always_inline]] inline void prefetch_far(const void* p) { __builtin_prefetch(p, 0, locality); }

/// Whether at most `reach` (1 or 2) bits are set. Without an instruction that counts bits, which not all machines
/// have.
constexpr bool has_at_most(uint32_t reach, uint32_t bits) {
  bits &= bits - 1;
  if (reach > 1) bits &= bits - 1;
  return bits == 0;
}

}  // namespace

void near_lookup::plan_steps(unsigned bits_of_spans) {
  for (unsigned reach = 0; reach <= probes_; reach++) {
    steps_[reach].clear();
    for_each_near(0, bits_of_spans, reach, [&](uint32_t mask, uint32_t left) {
      steps_[reach].push_back({mask, left});
    });
  }
}

void near_lookup::find(uint32_t segment, const posting_table& table, std::span<const hash_value> hashes) {
  segment_ = segment;
  table_ = table;
  num_hits_ = 0;
  const hash_split split = table.split();
  span_bits_ = table.span_bits();
  plan_steps(split.bucket_bits - span_bits_);
  uint64_t begun = 0;
  uint32_t untold = 0;
  const auto tell = [&] {
    if (++untold < visits_a_look && !stop_.wants_all()) return;
    stop_.worked(units_of_a_step * std::exchange(untold, 0));
  };
  for (uint32_t q = 0; q < hashes.size(); q++) {
    // Bits that no hash of the segment has differ from all of them.
    const auto outside = static_cast<unsigned>(std::popcount(hashes[q] & ~split.mask()));
    if (outside > probes_) {
      stop_.worked(1);
      continue;
    }
    const hash_value inside = hashes[q] & split.mask();
    const uint32_t of_hash = split.bucket(inside);
    const uint64_t least = table_.least_entry(split.tail(inside));
    for (const auto [mask, reach] : steps_[probes_ - outside]) {
      visit& v = visits_[begun % visits_.size()];
      if (begun >= visits_.size()) search(v);
      const uint32_t bucket = of_hash ^ (mask << span_bits_);
      table_.buckets().fetch<locality>(bucket);
      v.least = least;
      v.bucket = bucket;
      v.query = q;
      v.reach = reach;
      if (begun >= distance) locate(visits_[(begun - distance) % visits_.size()]);
      if (begun >= 2 * distance) fetch(visits_[(begun - 2 * distance) % visits_.size()]);
      begun++;
      tell();
    }
  }
  const auto each_of_last = [&](uint64_t count, const auto& f) {
    for (uint64_t left = begun - std::min(begun, count); left < begun; left++) {
      f(visits_[left % visits_.size()]);
      tell();
    }
  };
  each_of_last(distance, [&](visit& v) { locate(v); });
  each_of_last(2 * distance, [&](visit& v) { fetch(v); });
  each_of_last(visits_.size(), [&](const visit& v) { search(v); });
  take_hits();
}

[[gnu::always_inline]] inline void near_lookup::locate(visit& v) const noexcept {
  v.first = table_.buckets().locate<locality>(v.bucket);
}

[[gnu::always_inline]] inline void near_lookup::fetch(visit& v) const noexcept {
  const bucket_directory& buckets = table_.buckets();
  const packed_array& entries = table_.entries();
  if (v.reach > 0) [[unlikely]] {
    const uint32_t first = buckets.range(v.bucket & ~span_mask(), v.first).first;
    v.last = std::max(first, buckets.range(v.bucket | span_mask(), v.first).second);
    v.first = first;
    if (v.first != v.last) prefetch_entries(entries, v.first, v.last);
    return;
  }
  const auto [first, last] = buckets.range(v.bucket, v.first);
  v.first = first;
  v.last = last;
  if (last - first <= short_bucket) {
    // Nothing of a bucket that has none, which cannot be foreseen.
    prefetch_far(first == last ? static_cast<const void*>(this) : entries.address_of(first));
    prefetch_far(first == last ? static_cast<const void*>(this) : entries.address_of(last - 1) + 7);
    return;
  }
  // Where the tail is if tails are spread evenly.
  const uint64_t tail = table_.tail_of(v.least);
  const auto guess = static_cast<uint32_t>(tail * (last - first) >> table_.split().tail_bits);
  const uint32_t end = std::min(first + guess + (window_size + 1) / 2, last);
  v.window = std::max(end, window_size) - window_size;
  prefetch_far(entries.address_of(v.window));
  prefetch_far(entries.address_of(v.window + window_size));
}

[[gnu::always_inline]] inline void near_lookup::search(const visit& v) {
  if (v.reach > 0) [[unlikely]] {
    search_rests(v);
    return;
  }
  if (v.last - v.first <= short_bucket) {
    search_short(v);
    return;
  }
  if (v.last < window_size) [[unlikely]] {
    search_bucket(v);
    return;
  }
  // No branch: which buckets have the tail cannot be foreseen, and where neither. Entries of the bucket before
  // count as below.
  const packed_array& entries = table_.entries();
  uint32_t at = v.window;
#pragma GCC unroll 3
  for (uint32_t half = (window_size + 1) / 2; half > 0; half /= 2) {
    const uint32_t next = at + half;
    const uint32_t below =
        static_cast<uint32_t>(next <= v.first) | static_cast<uint32_t>(entries[next - 1] < v.least);
    at += half & (0 - below);
  }
  const bool left_of_it = (at == v.window) & (at > v.first);
  const bool right_of_it = (at == v.window + window_size) & (at < v.last);
  if (left_of_it | right_of_it) [[unlikely]] {
    search_bucket(v);
    return;
  }
  add_hit(v, at, static_cast<uint32_t>(at < v.last));
}

[[gnu::always_inline]] inline void near_lookup::search_short(const visit& v) {
  if (v.first == v.last) return;
  const packed_array& entries = table_.entries();
  const uint64_t bound = v.least + table_.least_entry(1);
  uint32_t before = 0, upto = 0;
  const auto compare = [&](uint64_t entry, uint32_t counts) {
    before += counts & static_cast<uint32_t>(entry < v.least);
    upto += counts & static_cast<uint32_t>(entry < bound);
  };
  compare(entries[v.first], 1);
  compare(entries[v.last - 1], static_cast<uint32_t>(v.last - v.first > 1));
  for (uint32_t at = v.first + 1; at + 1 < v.last; at++) compare(entries[at], 1);
  hits_[num_hits_] = {bound, v.first + before, v.last, v.query};
  num_hits_ += static_cast<uint32_t>(before < upto);
  if (num_hits_ == max_hits) take_hits();
}

[[gnu::always_inline]] inline void near_lookup::add_hit(const visit& v, uint32_t at, uint32_t if_entry) {
  const uint64_t bound = v.least + table_.least_entry(1);
  hits_[num_hits_] = {bound, at, v.last, v.query};
  num_hits_ += if_entry & static_cast<uint32_t>(table_.entries()[at] < bound);
  if (num_hits_ == max_hits) take_hits();
}

void near_lookup::search_bucket(const visit& v) {
  const uint32_t at = lower_bound<true>(table_.entries(), v.first, v.last, v.least, stop_);
  if (at < v.last) add_hit(v, at, 1);
}

void near_lookup::take_hits() {
  for (const hit& h : std::span(hits_).first(std::exchange(num_hits_, 0))) {
    found(h.query, h.first, run_end<true>(table_.entries(), h.first, h.last, h.bound, stop_) - h.first);
  }
}

void near_lookup::search_rests(const visit& v) {
  take_hits();  // which come before
  const unsigned tail_bits = table_.split().tail_bits;
  const uint32_t rest = rest_of(v.bucket, table_.tail_of(v.least));
  if (v.last - v.first <= max_compared) {
    compare_each_entry(v, rest);
    return;
  }
  for_each_near(rest, span_bits_ + tail_bits, v.reach, [&](uint32_t one, uint32_t) {
    const auto [first, last] = table_.bucket_range((v.bucket & ~span_mask()) | one >> tail_bits);
    const uint32_t tail = one & ((uint32_t{1} << tail_bits) - 1);
    find_run<true>(table_, first, last, table_.least_entry(tail), stop_,
                   [&](uint32_t at, uint32_t count) { found(v.query, at, count); });
    stop_.worked(units_of_a_step);
  });
}

void near_lookup::compare_each_entry(const visit& v, uint32_t rest) {
  const packed_array& entries = table_.entries();
  bucket_walk walk(table_.buckets(), v.bucket & ~span_mask());
  std::array<uint32_t, max_compared> positions, rests;
  size_t num_near = 0;
  for (uint32_t at = v.first; at < v.last; at++) {
    const uint32_t one = rest_of(walk.next(), table_.tail_of(entries[at]));
    positions[num_near] = at;
    rests[num_near] = one;
    num_near += has_at_most(v.reach, one ^ rest);
  }
  for (size_t first = 0; first < num_near;) {
    size_t last = first + 1;
    while (last < num_near && rests[last] == rests[first]) last++;
    found(v.query, positions[first], static_cast<uint32_t>(last - first));
    first = last;
  }
  stop_.worked(v.last - v.first);
}

void near_lookup::found(uint32_t query, uint32_t first, uint32_t count) {
  out_.push_back({{segment_, first, count}, query});
  if (out_.size() >= portion_) full_();
}

}  // namespace fp
