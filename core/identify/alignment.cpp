#include "core/identify/alignment.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

namespace fp {

namespace {

uint32_t count_sounding(std::span<const hash_value> hashes) {
  return static_cast<uint32_t>(hashes.size() -
                               static_cast<size_t>(std::count(hashes.begin(), hashes.end(), silence_hash)));
}

uint32_t wrong_bits(hash_value a, hash_value b) noexcept { return static_cast<uint32_t>(std::popcount(a ^ b)); }

/// The part of the query that lies over the stored fingerprint.
struct overlap {
  overlap(size_t query_size, size_t stored_size, int64_t offset) noexcept
      : begin(std::max<int64_t>(0, -offset)),
        end(std::min<int64_t>(static_cast<int64_t>(query_size), static_cast<int64_t>(stored_size) - offset)) {}
  int64_t begin, end;
};

/// `align_at` without the distinct hashes.
alignment compare_at(std::span<const hash_value> query, std::span<const hash_value> stored, int64_t offset) {
  alignment a;
  a.offset = offset;
  const overlap both(query.size(), stored.size(), offset);
  for (int64_t i = both.begin; i < both.end; i++) {
    const auto q = query[static_cast<size_t>(i)], s = stored[static_cast<size_t>(i + offset)];
    if (q == silence_hash || s == silence_hash) continue;
    a.num_compared++;
    a.num_equal += q == s;
    a.num_wrong_bits += wrong_bits(q, s);
  }
  return a;
}

void count_distinct(std::span<const hash_value> query, std::span<const hash_value> stored, alignment& a) {
  const overlap both(query.size(), stored.size(), a.offset);
  std::vector<hash_value> compared;
  for (int64_t i = both.begin; i < both.end; i++) {
    const auto q = query[static_cast<size_t>(i)];
    if (q != silence_hash && stored[static_cast<size_t>(i + a.offset)] != silence_hash) compared.push_back(q);
  }
  std::sort(compared.begin(), compared.end());
  a.num_distinct = static_cast<uint32_t>(std::unique(compared.begin(), compared.end()) - compared.begin());
}

/// a.error() < b.error(), without rounding.
bool has_less_error(const alignment& a, const alignment& b) noexcept {
  return a.num_wrong_bits * b.num_compared < b.num_wrong_bits * a.num_compared;
}

}  // namespace

alignment align_at(std::span<const hash_value> query, std::span<const hash_value> stored, int64_t offset) {
  auto a = compare_at(query, stored, offset);
  count_distinct(query, stored, a);
  return a;
}

aligner::aligner(std::vector<hash_value> query, aligner_options options)
    : query_(std::move(query)), options_(options), num_sounding_(count_sounding(query_)) {
  options_.max_wrong_bits = std::min(options_.max_wrong_bits, most_wrong_bits);
  for (size_t part = 0; part < num_parts; part++) {
    auto& [starts, places] = tables_[part];
    std::vector<uint32_t> counts(num_buckets, 0);
    for (const auto hash : query_) {
      auto& count = counts[part_of(hash, part)];
      if (hash != silence_hash && count < max_part_repeats) count++;
    }
    starts.resize(num_buckets + 1);
    for (size_t i = 0; i < num_buckets; i++) starts[i + 1] = starts[i] + counts[i];
    places.resize(starts.back());
    std::fill(counts.begin(), counts.end(), 0);
    for (uint32_t i = 0; i < query_.size(); i++) {
      const auto value = part_of(query_[i], part);
      const auto at = starts[value] + counts[value];
      if (query_[i] == silence_hash || at == starts[value + 1]) continue;
      places[at] = i;
      counts[value]++;
    }
  }
}

void aligner::count_votes(std::span<const hash_value> stored) {
  votes_.assign(query_.size() + stored.size(), 0);
  for (size_t place = 0; place < stored.size(); place++) {
    const auto hash = stored[place];
    if (hash == silence_hash) continue;
    for (size_t part = 0; part < num_parts; part++) {
      const auto& [starts, places] = tables_[part];
      const auto value = part_of(hash, part);
      for (auto at = starts[value]; at < starts[value + 1]; at++) {
        const auto other = query_[places[at]];
        if (wrong_bits(hash, other) > options_.max_wrong_bits) continue;
        // A pair votes once, by the first part in which it agrees.
        bool voted = false;
        for (size_t before = 0; before < part; before++) voted |= part_of(hash, before) == part_of(other, before);
        if (!voted) votes_[place + query_.size() - places[at]]++;
      }
    }
  }
}

void aligner::choose_offsets() {
  chosen_.clear();
  for (uint32_t i = 0; i < votes_.size(); i++) {
    if (votes_[i] > 0) chosen_.push_back(i);
  }
  const auto count = std::min(chosen_.size(), options_.max_offsets);
  std::partial_sort(chosen_.begin(), chosen_.begin() + static_cast<std::ptrdiff_t>(count), chosen_.end(),
                    [&](uint32_t a, uint32_t b) { return votes_[a] != votes_[b] ? votes_[a] > votes_[b] : a < b; });
  chosen_.resize(count);
}

std::optional<alignment> aligner::best(std::span<const hash_value> stored) {
  const auto found = places(stored, 0);
  return found.empty() ? std::nullopt : std::optional(found.front());
}

std::vector<alignment> aligner::places(std::span<const hash_value> stored, double more_error) {
  const auto fewer = std::min(num_sounding_, count_sounding(stored));
  const auto least = std::max<uint32_t>(
      {1, options_.min_compared, static_cast<uint32_t>(std::ceil(options_.min_overlap * fewer))});
  if (fewer < least) return {};
  count_votes(stored);
  choose_offsets();
  std::vector<alignment> found;
  for (const auto i : chosen_) {
    const auto a = compare_at(query_, stored, static_cast<int64_t>(i) - static_cast<int64_t>(query_.size()));
    if (a.num_compared >= least) found.push_back(a);
  }
  std::sort(found.begin(), found.end(), [](const alignment& a, const alignment& b) {
    return has_less_error(a, b) || (!has_less_error(b, a) && a.offset < b.offset);
  });
  const auto too_wrong = std::find_if(found.begin(), found.end(), [&](const alignment& a) {
    return a.error() > found.front().error() + more_error;
  });
  found.erase(too_wrong, found.end());
  for (auto& a : found) count_distinct(query_, stored, a);
  return found;
}

}  // namespace fp
