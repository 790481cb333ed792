#include "core/segment/posting_sorter.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "core/base/bit_packing.hpp"
#include "core/base/radix_sort.hpp"
#include "core/segment/segment_format.hpp"

namespace fp {

namespace {

constexpr unsigned spare_bits = 2;  ///< that make two of so many hashes unlikely to be alike

template <class F>
[[gnu::always_inline]] inline void for_each_hash(const document_change& d, const F& f) {
  for (size_t at = 0; at < d.hash_bytes.size(); at += sizeof(hash_value)) {
    hash_value hash;
    std::memcpy(&hash, d.hash_bytes.data() + at, sizeof hash);
    f(hash);
  }
}

}  // namespace

std::span<const posting> posting_sorter::sort(std::span<const document_change> documents) {
  uint64_t count_of_all = 0;
  hash_value mask = 0;
  for (const auto& d : documents) {
    count_of_all += d.hash_bytes.size() / sizeof(hash_value);
    for_each_hash(d, [&](hash_value hash) { mask |= hash; });
  }
  hash_mask_ = mask;
  require_storable(count_of_all, "postings");
  postings_.resize(count_of_all);
  scratch_.resize(count_of_all);
  const digits by = choose_digits(count_of_all);
  count(documents, by);
  distribute(documents, by);
  finish();
  return postings_;
}

posting_sorter::digits posting_sorter::choose_digits(size_t count) const noexcept {
  const auto low = static_cast<unsigned>(std::countr_zero(hash_mask_)), high = bits_for(hash_mask_);
  const unsigned wanted =
      std::min(high - std::min(low, high), static_cast<unsigned>(std::bit_width(count)) + spare_bits);
  digits by;
  // One bit too few costs less than one more round.
  by.rounds = std::max((wanted + max_digit_bits - 2) / max_digit_bits, 1u);
  by.bits = std::min((wanted + by.rounds - 1) / by.rounds, max_digit_bits);
  by.shift = high - std::min(by.bits * by.rounds, high);
  return by;
}

void posting_sorter::count(std::span<const document_change> documents, const digits& by) {
  const size_t num_digits = size_t{1} << by.bits;
  positions_.assign(by.rounds * num_digits, 0);
  // Two rounds at a time: nearly all sorts have two, and reading the hashes again costs less than a loop for each.
  for (unsigned round = 0; round < by.rounds; round += 2) {
    uint32_t* const counts = positions_.data() + round * num_digits;
    const size_t next = round + 1 < by.rounds ? num_digits : 0;
    for (const auto& d : documents) {
      for_each_hash(d, [=](hash_value hash) {
        counts[by.of(hash, round)]++;
        if (next > 0) counts[next + by.of(hash, round + 1)]++;
      });
    }
  }
  for (unsigned round = 0; round < by.rounds; round++) {
    uint32_t before = 0;
    for (uint32_t& of_digit : std::span(positions_).subspan(round * num_digits, num_digits)) {
      before += std::exchange(of_digit, before);
    }
  }
}

void posting_sorter::distribute(std::span<const document_change> documents, const digits& by) {
  uint32_t* positions = positions_.data();
  posting* out = postings_.data();
  for (const auto& d : documents) {
    for_each_hash(
        d, [&](hash_value hash) { put_in_stream(make_posting(hash, d.id), out + positions[by.of(hash, 0)]++); });
  }
  for (unsigned round = 1; round < by.rounds; round++) {
    positions += size_t{1} << by.bits;
    out = scratch_.data();
    for (const posting p : postings_) put_in_stream(p, out + positions[by.of(posting_hash(p), round)]++);
    postings_.swap(scratch_);
  }
}

void posting_sorter::finish() {
  const auto begin = postings_.begin();
  auto end = begin;  // of those in order
  size_t steps_left = postings_.size();
  for (auto from = begin; from != postings_.end(); ++from) {
    const posting p = *from;
    if (end == begin || *(end - 1) < p) {
      *end++ = p;
      continue;
    }
    auto place = end;
    while (place != begin && *(place - 1) > p) --place;
    const auto steps = static_cast<size_t>(end - place);
    if (place == begin || *(place - 1) != p) {
      std::move_backward(place, end, end + 1);
      *place = p;
      ++end;
    }
    if (steps <= steps_left) {
      steps_left -= steps;
      continue;
    }
    postings_.erase(end, from + 1);
    const auto low = static_cast<unsigned>(std::countr_zero(hash_mask_));
    radix_sort(postings_, scratch_, 32 + low, bits_for(hash_mask_) - low);
    end = std::unique(postings_.begin(), postings_.end());
    break;
  }
  postings_.erase(end, postings_.end());
}

}  // namespace fp
