#include "core/search/distinct_hashes.hpp"

#include <algorithm>
#include <array>

#include "core/base/bit_packing.hpp"

namespace fp {

namespace {

constexpr size_t slice = 1024;  ///< hashes that are handled between two looks at the clock
constexpr unsigned digit_bits = 8, num_digits = 4;

/// Calls `f(first, last)` for the slices of [0, size).
template <class F>
void for_slices(size_t size, stop_condition& stop, const F& f) {
  for (size_t at = 0; at < size; at += slice) {
    const size_t last = std::min(size, at + slice);
    f(at, last);
    stop.worked(static_cast<uint32_t>(last - at));
  }
}

}  // namespace

uint64_t distinct_hashes::bytes() const noexcept {
  return (hashes_.capacity() + other_.capacity()) * sizeof(hash_value) + slots_.capacity() * sizeof(uint16_t);
}

uint64_t distinct_hashes::bytes_for(size_t num_hashes) noexcept {
  constexpr uint64_t of_table = max_hashed * 8 * sizeof(uint16_t);
  return uint64_t{num_hashes} * sizeof(hash_value) * (num_hashes > max_hashed ? 2 : 1) + of_table;
}

std::span<const hash_value> distinct_hashes::take(query_view query, stop_condition& stop) {
  hashes_.clear();
  hashes_.reserve(query.size());
  // Memory that is new costs a fault a page.
  for_slices(query.size(), stop, [&](size_t first, size_t last) {
    hashes_.resize(last);
    query.copy(first, std::span(hashes_).subspan(first, last - first));
  });
  if (hashes_.size() > max_hashed) {
    drop_sorted(stop);
  } else {
    drop_hashed();
  }
  return hashes_;
}

void distinct_hashes::drop_hashed() {
  constexpr uint16_t free = UINT16_MAX;
  const unsigned bits = bits_for(hashes_.size()) + 2;  // so that few hashes meet, which is a branch gone wrong each
  const size_t mask = (size_t{1} << bits) - 1;
  slots_.assign(mask + 1, free);
  uint16_t kept = 0;
  for (const hash_value h : hashes_) {
    size_t at = mix_(h) >> (64 - bits);
    while (slots_[at] != free && hashes_[slots_[at]] != h) at = (at + 1) & mask;
    if (slots_[at] != free) continue;
    slots_[at] = kept;
    hashes_[kept++] = h;
  }
  hashes_.resize(kept);
}

void distinct_hashes::drop_sorted(stop_condition& stop) {
  sort(stop);
  size_t kept = 1;
  for_slices(hashes_.size(), stop, [&](size_t first, size_t last) {
    for (size_t i = std::max<size_t>(first, 1); i < last; i++) {
      hashes_[kept] = hashes_[i];
      kept += hashes_[i] != hashes_[kept - 1];
    }
  });
  hashes_.resize(kept);
}

void distinct_hashes::sort(stop_condition& stop) {
  const auto digit_of = [](hash_value h, unsigned digit) { return h >> digit * digit_bits & 0xff; };
  std::array<std::array<uint32_t, size_t{1} << digit_bits>, num_digits> counts{};
  for_slices(hashes_.size(), stop, [&](size_t first, size_t last) {
    for (size_t i = first; i < last; i++) {
      for (unsigned digit = 0; digit < num_digits; digit++) counts[digit][digit_of(hashes_[i], digit)]++;
    }
  });
  other_.reserve(hashes_.size());
  for_slices(hashes_.size(), stop, [&](size_t, size_t last) { other_.resize(last); });
  for (unsigned digit = 0; digit < num_digits; digit++) {
    auto& position = counts[digit];
    uint32_t start = 0;
    for (uint32_t& count : position) start += std::exchange(count, start);
    for_slices(hashes_.size(), stop, [&](size_t first, size_t last) {
      for (size_t i = first; i < last; i++) other_[position[digit_of(hashes_[i], digit)]++] = hashes_[i];
    });
    hashes_.swap(other_);
  }
}

}  // namespace fp
