#include "core/search/search.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include "core/base/bit_packing.hpp"
#include "core/base/error.hpp"
#include "core/search/posting_lookup.hpp"
#include "core/search/score_table.hpp"

namespace fp {

namespace {

constexpr size_t block_ids = 256;    ///< counted together
constexpr size_t max_hashed = 1024;  ///< hashes whose duplicates a hash table finds
constexpr size_t lookups_per_check = 4 * 1024;
constexpr uint32_t long_range = 256;             ///< postings that are worth the look at what may be left out
constexpr uint32_t ids_per_binary_search = 128;  ///< that are walked in the time of a search among them
constexpr uint64_t postings_per_check = 64 * 1024;

/// Leaves one of each hash, in any order. Usual queries go through a hash table of positions (`slots`): sorting them
/// takes about as long as looking them up in a segment. Longer ones are sorted, lest somebody makes them collide.
void remove_duplicates(std::vector<hash_value>& hashes, std::vector<uint32_t>& slots) {
  if (hashes.size() > max_hashed) {
    std::sort(hashes.begin(), hashes.end());
    hashes.erase(std::unique(hashes.begin(), hashes.end()), hashes.end());
    return;
  }
  const unsigned bits = bits_for(hashes.size()) + 1;
  const size_t mask = (size_t{1} << bits) - 1;
  slots.assign(mask + 1, UINT32_MAX);
  uint32_t kept = 0;
  for (const hash_value h : hashes) {
    size_t at = (h * 0x9e3779b1u) >> (32 - bits);
    while (slots[at] != UINT32_MAX && hashes[slots[at]] != h) at = (at + 1) & mask;
    if (slots[at] != UINT32_MAX) continue;
    slots[at] = kept;
    hashes[kept++] = h;
  }
  hashes.resize(kept);
}

/// Stops a search that takes too long.
class stop_condition {
 public:
  explicit stop_condition(const search_options& options) : options_(options) {}

  void check() const {
    if (is_cancelled(options_.cancel)) throw error(errc::cancelled, "search: cancelled");
    if (options_.deadline != steady_clock::time_point::max() && steady_clock::now() >= options_.deadline) {
      throw error(errc::search_timeout, "search: the deadline has passed");
    }
  }

 private:
  const search_options& options_;
};

void find_postings(std::span<const snapshot::entry> entries, std::span<const hash_value> hashes,
                   const stop_condition& stop, std::vector<posting_range>& out) {
  out.clear();
  posting_lookup lookup(out);
  size_t until_check = lookups_per_check;
  for (size_t e = 0; e < entries.size(); e++) {
    const posting_table& table = entries[e].segment->postings();
    if (table.size() == 0) continue;
    for (const hash_value h : hashes) {
      lookup.add(static_cast<uint32_t>(e), table, h);
      if (--until_check > 0) continue;
      stop.check();
      until_check = lookups_per_check;
    }
  }
  lookup.finish();
}

/// Counts the postings of each document, superseded versions left out.
void count_documents(std::span<const snapshot::entry> entries, std::span<const posting_range> ranges,
                     const stop_condition& stop, score_table& scores) {
  std::array<document_id, block_ids> block;
  size_t filled = 0;
  uint64_t until_check = postings_per_check;
  const auto flush = [&] {
    scores.add(std::span(block).first(filled));
    filled = 0;
  };
  for (const posting_range& range : ranges) {
    const snapshot::entry& e = entries[range.segment];
    const posting_table& table = e.segment->postings();
    const packed_array ids = table.ids();
    const document_id min_document = table.min_document();
    const doc_set* const superseded = e.superseded.get();
    for (uint32_t at = range.first, left = range.count; left > 0;) {
      if (filled == block_ids) flush();
      const auto length = static_cast<uint32_t>(std::min<size_t>({left, block_ids - filled, until_check}));
      for (uint32_t end = at + length; at < end; at++) {
        const document_id id = min_document + static_cast<document_id>(ids[at]);
        block[filled] = id;
        filled += superseded == nullptr || !superseded->contains(id);
      }
      left -= length;
      until_check -= length;
      if (until_check == 0) {
        stop.check();
        until_check = postings_per_check;
      }
    }
  }
  flush();
  stop.check();
}

bool contains(const posting_table& table, const posting_range& range, document_id id) {
  uint32_t first = range.first, length = range.count;
  while (length > 1) {
    const uint32_t half = length / 2;
    first += table.document_at(first + half - 1) < id ? half : 0;
    length -= half;
  }
  return table.document_at(first) == id;
}

/// Goes on counting for documents that have been counted in other ranges, at least for those of `slots`.
void count_known(const snapshot::entry& e, const posting_range& range, std::span<score_table::slot* const> slots,
                 const stop_condition& stop, score_table& scores) {
  const posting_table& table = e.segment->postings();
  const auto is_newest = [&](document_id id) { return e.superseded == nullptr || !e.superseded->contains(id); };
  if (slots.size() < range.count / ids_per_binary_search) {
    for (score_table::slot* const s : slots) {
      if (contains(table, range, s->id) && is_newest(s->id)) scores.count(*s);
    }
    stop.check();
    return;
  }
  for (uint32_t i = 0; i < range.count; i++) {
    if (i % postings_per_check == 0) stop.check();
    const document_id id = table.document_at(range.first + i);
    if (score_table::slot* const s = scores.find(id); s != nullptr && is_newest(id)) scores.count(*s);
  }
}

/// Moves the longest ranges to the end, fewer than `min_score` of them, and returns how many: a document that is in
/// these alone cannot reach the score.
size_t set_long_ranges_apart(std::span<posting_range> ranges, uint64_t min_score) {
  const auto short_end =
      std::partition(ranges.begin(), ranges.end(), [](const auto& r) { return r.count < long_range; });
  const auto num_long = static_cast<uint64_t>(ranges.end() - short_end);
  if (num_long < min_score) return num_long;
  const uint64_t apart = min_score - 1;
  std::nth_element(short_end, ranges.end() - static_cast<std::ptrdiff_t>(apart), ranges.end(),
                   [](const auto& a, const auto& b) { return a.count < b.count; });
  return apart;
}

}  // namespace

struct searcher::scratch {
  std::vector<hash_value> hashes;
  std::vector<uint32_t> slots;
  std::vector<posting_range> ranges;
  std::vector<score_table::slot*> promising;
  std::vector<search_result> candidates;
  score_table scores;
};

searcher::searcher() : scratch_(std::make_unique<scratch>()) {}
searcher::~searcher() = default;

search_outcome searcher::search(const snapshot& index, std::span<const hash_value> query,
                                const search_options& options) {
  const stop_condition stop(options);
  stop.check();
  auto& [hashes, slots, ranges, promising, candidates, scores] = *scratch_;
  hashes.assign(query.begin(), query.end());
  remove_duplicates(hashes, slots);
  search_outcome outcome;
  outcome.num_hashes = hashes.size();

  find_postings(index.entries(), hashes, stop, ranges);
  const uint64_t min_score =
      std::max<uint64_t>(options.min_score.value_or(static_cast<uint32_t>((query.size() + 19) / 20)), 1);
  const size_t num_apart = set_long_ranges_apart(ranges, min_score);
  const auto first_ranges = std::span(ranges).first(ranges.size() - num_apart);
  const auto ranges_apart = std::span(ranges).last(num_apart);
  uint64_t num_first = 0;
  for (const posting_range& range : first_ranges) num_first += range.count;
  outcome.num_postings = num_first;
  scores.clear(num_first);
  count_documents(index.entries(), first_ranges, stop, scores);
  promising.clear();
  for (score_table::slot& s : scores.slots()) {
    if (num_apart > 0 && s.count > 0 && s.count + num_apart >= min_score) promising.push_back(&s);
  }
  for (const posting_range& range : ranges_apart) {
    count_known(index.entries()[range.segment], range, promising, stop, scores);
    outcome.num_postings += range.count;
  }

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
