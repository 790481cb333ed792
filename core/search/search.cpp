#include "core/search/search.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include "core/base/error.hpp"
#include "core/search/score_table.hpp"

namespace fp {

namespace {

constexpr size_t slice_hashes = 256;  ///< looked up together: their cache lines fit the nearest caches
constexpr size_t block_ids = 256;     ///< counted together
constexpr uint64_t postings_per_check = 64 * 1024;
constexpr size_t cache_line = 64;
constexpr std::ptrdiff_t max_prefetched_bytes = 256;

/// Postings of one hash in one segment.
struct posting_range {
  uint32_t segment, first, count;
};

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

/// First position in [first, last) whose tail is at least `tail`, without a branch on the tails.
uint32_t lower_bound(const packed_array& tails, uint32_t first, uint32_t last, uint32_t tail) {
  uint32_t length = last - first;
  if (length == 0) return first;
  while (length > 1) {
    const uint32_t half = length / 2;
    first += tails[first + half - 1] < tail ? half : 0;
    length -= half;
  }
  return first + (tails[first] < tail);
}

/// End of the run of `tail` that starts at `first`: most runs are short, those of hot hashes very long.
uint32_t run_end(const packed_array& tails, uint32_t first, uint32_t last, uint32_t tail) {
  uint32_t step = 1;
  while (last - first > step && tails[first + step] == tail) {
    first += step;
    step *= 2;
  }
  uint32_t low = first + 1, high = last - first > step ? first + step : last;
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    if (tails[middle] == tail) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/// Looks up to `slice_hashes` hashes up in one segment, in three passes that each prefetch for all hashes what the
/// next one touches, so that the memory's latencies overlap.
void look_up(const posting_table& table, uint32_t segment_number, std::span<const hash_value> hashes,
             std::vector<posting_range>& out) {
  struct lookup {
    uint32_t bucket, tail, first, last;
  };
  std::array<lookup, slice_hashes> lookups;
  size_t count = 0;
  const hash_split split = table.split();
  for (const hash_value h : hashes) {
    lookup& l = lookups[count];
    l.bucket = split.bucket(h);
    l.tail = split.tail(h);
    if (!split.holds(h)) continue;
    __builtin_prefetch(table.bucket_address(l.bucket));
    count++;
  }
  const packed_array tails = table.tails(), ids = table.ids();
  for (size_t i = 0; i < count; i++) {
    lookup& l = lookups[i];
    l.first = table.bucket_start(l.bucket);
    l.last = table.bucket_start(l.bucket + 1);
    // Every value is read as 8 bytes, so the last one may reach into one more line.
    const std::byte* const begin = tails.address_of(l.first);
    const std::byte* const end = tails.address_of(l.last) + sizeof(uint64_t);
    if (end - begin <= max_prefetched_bytes) {
      const auto misalignment = static_cast<std::ptrdiff_t>(reinterpret_cast<uintptr_t>(begin) % cache_line);
      for (const std::byte* p = begin - misalignment; p < end; p += cache_line) __builtin_prefetch(p);
    } else {
      __builtin_prefetch(begin + (end - begin) / 2);
    }
  }
  for (size_t i = 0; i < count; i++) {
    lookup& l = lookups[i];
    l.first = lower_bound(tails, l.first, l.last, l.tail);
    __builtin_prefetch(ids.address_of(l.first));
  }
  for (size_t i = 0; i < count; i++) {
    const lookup& l = lookups[i];
    if (l.first == l.last || tails[l.first] != l.tail) continue;
    out.push_back({segment_number, l.first, run_end(tails, l.first, l.last, l.tail) - l.first});
  }
}

}  // namespace

struct searcher::scratch {
  std::vector<hash_value> hashes;
  std::vector<posting_range> ranges;
  std::vector<search_result> candidates;
  score_table scores;
};

searcher::searcher() : scratch_(std::make_unique<scratch>()) {}
searcher::~searcher() = default;

search_outcome searcher::search(const snapshot& index, std::span<const hash_value> query,
                                const search_options& options) {
  const stop_condition stop(options);
  stop.check();
  auto& [hashes, ranges, candidates, scores] = *scratch_;
  hashes.assign(query.begin(), query.end());
  std::sort(hashes.begin(), hashes.end());
  hashes.erase(std::unique(hashes.begin(), hashes.end()), hashes.end());
  search_outcome outcome;
  outcome.num_hashes = hashes.size();

  const auto entries = index.entries();
  ranges.clear();
  for (size_t e = 0; e < entries.size(); e++) {
    const posting_table& table = entries[e].segment->postings();
    if (table.size() == 0) continue;
    for (size_t at = 0; at < hashes.size(); at += slice_hashes) {
      stop.check();
      const size_t length = std::min(slice_hashes, hashes.size() - at);
      look_up(table, static_cast<uint32_t>(e), std::span(hashes).subspan(at, length), ranges);
    }
  }

  scores.clear();
  std::array<document_id, block_ids> block;
  size_t filled = 0;
  uint64_t until_check = postings_per_check;
  const auto flush = [&, &into = scores] {  // clang 14 does not capture a structured binding as it is
    into.add(std::span(block).first(filled));
    filled = 0;
  };
  for (const posting_range& range : ranges) {
    const snapshot::entry& e = entries[range.segment];
    const posting_table& table = e.segment->postings();
    const packed_array ids = table.ids();
    const document_id min_document = table.min_document();
    const doc_set* const superseded = e.superseded.get();
    outcome.num_postings += range.count;
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

  const uint64_t min_score = options.min_score.value_or(static_cast<uint32_t>((query.size() + 19) / 20));
  const uint64_t threshold = std::max<uint64_t>({min_score, uint64_t{scores.best()} * options.score_pct / 100, 1});
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
