#include "core/search/search.hpp"

#include <algorithm>
#include <cstdint>
#include <string>

#include "core/search/distinct_hashes.hpp"
#include "core/search/document_counter.hpp"
#include "core/search/posting_lookup.hpp"
#include "core/search/stop_condition.hpp"
#include "core/search/top_results.hpp"

namespace fp {

namespace {

constexpr size_t hashes_a_slice = 256;           ///< looked up at once; each may find a range
constexpr size_t max_ranges = size_t{64} << 10;  ///< found before they are counted: more are not faster

/// How a search's memory is shared out.
struct memory_plan {
  uint64_t for_hashes = 0;
  size_t ranges = 0;  ///< found before they are counted, without those of the last slice
  document_counter::bounds counter;
};

memory_plan plan_memory(size_t num_hashes, uint64_t max_bytes) {
  memory_plan plan;
  plan.for_hashes = distinct_hashes::bytes_for(num_hashes);
  // A vector that has grown holds up to twice what it was to hold.
  constexpr uint64_t bytes_a_range = 2 * (2 * sizeof(posting_range) + sizeof(void*));
  plan.ranges = std::min<size_t>(max_ranges, max_bytes / 8 / bytes_a_range);
  plan.counter.apart = plan.ranges;
  const uint64_t for_ranges = (plan.ranges + hashes_a_slice) * bytes_a_range;
  const uint64_t needed = plan.for_hashes + for_ranges + score_table::min_bytes;
  if (needed > max_bytes) {
    throw error(errc::payload_too_large,
                "query: " + std::to_string(num_hashes) + " hashes take " + std::to_string(needed) +
                    " bytes to search for; max_search_bytes allows " + std::to_string(max_bytes));
  }
  plan.counter.table_bytes = max_bytes - plan.for_hashes - for_ranges;
  return plan;
}

/// Looks all hashes up in all segments. Calls `count` whenever about `portion` ranges have been found, and in the
/// end, which leaves the last ones in `ranges`.
template <class F>
void find_postings(std::span<const snapshot::entry> entries, std::span<const hash_value> hashes, size_t portion,
                   std::vector<posting_range>& ranges, stop_condition& stop, const F& count) {
  ranges.clear();
  posting_lookup lookup(ranges, stop);
  for (size_t e = 0; e < entries.size(); e++) {
    const posting_table& table = entries[e].segment->postings();
    if (table.size() == 0) continue;
    for (size_t at = 0; at < hashes.size(); at += hashes_a_slice) {
      lookup.add(static_cast<uint32_t>(e), table, hashes.subspan(at, std::min(hashes_a_slice, hashes.size() - at)));
      if (ranges.size() < portion) continue;
      count();
      ranges.clear();
    }
  }
  lookup.finish();
  count();
}

}  // namespace

struct searcher::scratch {
  explicit scratch(seeded_mix table_mix) : mix(table_mix) {}

  uint64_t bytes() const noexcept {
    return hashes.bytes() + ranges.capacity() * sizeof(posting_range) + counter.bytes();
  }

  /// Gives back everything.
  void release() noexcept {
    hashes = distinct_hashes(mix);
    ranges = {};
    counter.release();
  }

  seeded_mix mix;
  search_pace pace;
  distinct_hashes hashes{mix};
  std::vector<posting_range> ranges;
  document_counter counter{mix};
};

searcher::searcher() : scratch_(std::make_unique<scratch>(seeded_mix())) {}
searcher::searcher(uint64_t seed) : scratch_(std::make_unique<scratch>(seeded_mix(seed))) {}
searcher::~searcher() = default;

uint64_t searcher::scratch_bytes() const noexcept { return scratch_->bytes(); }

search_outcome searcher::search(const snapshot& index, query_view query, const search_options& options) {
  const memory_plan plan = plan_memory(query.size(), options.max_bytes);
  auto& [mix, pace, distinct, ranges, counter] = *scratch_;
  // What earlier searches needed more of is not there twice.
  if (distinct.bytes() > plan.for_hashes || ranges.capacity() > 2 * (plan.ranges + hashes_a_slice) ||
      counter.bytes() > plan.counter.table_bytes) {
    scratch_->release();
  }
  struct releasing {
    scratch& of;
    ~releasing() {
      if (of.bytes() > kept_bytes) of.release();
    }
  } releases{*scratch_};
  stop_condition stop(options, pace);
  const auto hashes = distinct.take(query, stop);
  search_outcome outcome;
  outcome.num_hashes = hashes.size();
  const uint64_t min_score =
      std::max<uint64_t>(options.min_score.value_or(static_cast<uint32_t>((query.size() + 19) / 20)), 1);
  top_results results(options.limit, min_score, options.score_pct);

  uint64_t portions = 0;
  find_postings(index.entries(), hashes, plan.ranges, ranges, stop, [&] {
    uint64_t found = 0;
    for (const posting_range& range : ranges) found += range.count;
    outcome.num_postings += found;
    if (portions++ == 0) counter.begin(index.entries(), found, min_score, plan.counter, stop);
    counter.count(ranges, stop);
  });
  for (;;) {
    counter.finish_pass(stop);
    results.collect(counter.scores(), counter.best(), stop);
    if (!counter.next_pass(portions == 1, stop)) break;
    if (portions == 1) {
      counter.count(ranges, stop);
    } else {
      find_postings(index.entries(), hashes, plan.ranges, ranges, stop, [&] { counter.count(ranges, stop); });
    }
  }
  index.require_readable();
  outcome.results = results.take();
  return outcome;
}

}  // namespace fp
