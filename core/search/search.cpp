#include "core/search/search.hpp"

#include <algorithm>
#include <cstdint>

#include "core/base/bit_packing.hpp"
#include "core/search/document_counter.hpp"
#include "core/search/posting_lookup.hpp"
#include "core/search/stop_condition.hpp"

namespace fp {

namespace {

constexpr size_t max_hashed = 1024;  ///< hashes whose duplicates a hash table finds
constexpr size_t lookups_per_check = 4 * 1024;

/// Leaves one of each hash, in any order. Usual queries go through a hash table of positions (`slots`): sorting
/// them takes about as long as looking them up in a segment. Longer ones are sorted, lest somebody makes them
/// collide.
void remove_duplicates(std::vector<hash_value>& hashes, std::vector<uint16_t>& slots) {
  if (hashes.size() > max_hashed) {
    std::sort(hashes.begin(), hashes.end());
    hashes.erase(std::unique(hashes.begin(), hashes.end()), hashes.end());
    return;
  }
  constexpr uint16_t free = UINT16_MAX;
  const unsigned bits = bits_for(hashes.size()) + 2;  // so that few hashes meet, which is a branch gone wrong each
  const size_t mask = (size_t{1} << bits) - 1;
  slots.assign(mask + 1, free);
  uint16_t kept = 0;
  for (const hash_value h : hashes) {
    size_t at = (h * 0x9e3779b1u) >> (32 - bits);
    while (slots[at] != free && hashes[slots[at]] != h) at = (at + 1) & mask;
    if (slots[at] != free) continue;
    slots[at] = kept;
    hashes[kept++] = h;
  }
  hashes.resize(kept);
}

void find_postings(std::span<const snapshot::entry> entries, std::span<const hash_value> hashes,
                   const stop_condition& stop, std::vector<posting_range>& out) {
  out.clear();
  posting_lookup lookup(out);
  size_t unchecked = 0;
  for (size_t e = 0; e < entries.size(); e++) {
    const posting_table& table = entries[e].segment->postings();
    if (table.size() == 0) continue;
    for (size_t at = 0; at < hashes.size(); at += lookups_per_check) {
      const auto slice = hashes.subspan(at, std::min(lookups_per_check, hashes.size() - at));
      lookup.add(static_cast<uint32_t>(e), table, slice);
      unchecked += slice.size();
      if (unchecked < lookups_per_check) continue;
      stop.check();
      unchecked = 0;
    }
  }
  lookup.finish();
}

}  // namespace

struct searcher::scratch {
  std::vector<hash_value> hashes;
  std::vector<uint16_t> slots;
  std::vector<posting_range> ranges;
  document_counter counter;
  std::vector<search_result> candidates;
};

searcher::searcher() : scratch_(std::make_unique<scratch>()) {}
searcher::~searcher() = default;

search_outcome searcher::search(const snapshot& index, std::span<const hash_value> query,
                                const search_options& options) {
  const stop_condition stop(options);
  stop.check();
  auto& [hashes, slots, ranges, counter, candidates] = *scratch_;
  hashes.assign(query.begin(), query.end());
  remove_duplicates(hashes, slots);
  search_outcome outcome;
  outcome.num_hashes = hashes.size();

  find_postings(index.entries(), hashes, stop, ranges);
  const uint64_t min_score =
      std::max<uint64_t>(options.min_score.value_or(static_cast<uint32_t>((query.size() + 19) / 20)), 1);
  for (const posting_range& range : ranges) outcome.num_postings += range.count;
  counter.count(index.entries(), ranges, min_score, stop);
  index.require_readable();
  const score_table& scores = counter.scores();

  const uint64_t threshold = std::max<uint64_t>(min_score, uint64_t{scores.best()} * options.score_pct / 100);
  if (options.limit == 0 || scores.best() < threshold) return outcome;
  candidates.clear();
  for (const score_table::slot& s : scores.slots()) {
    if (s.count >= threshold) candidates.push_back({s.id, s.count});
  }
  const auto better = [](const search_result& a, const search_result& b) {
    return a.score != b.score ? a.score > b.score : a.id < b.id;
  };
  const size_t wanted = std::min<size_t>(options.limit, candidates.size());
  const auto end = candidates.begin() + static_cast<std::ptrdiff_t>(wanted);
  std::partial_sort(candidates.begin(), end, candidates.end(), better);
  outcome.results.assign(candidates.begin(), end);
  return outcome;
}

}  // namespace fp
