#include "core/search/search.hpp"

#include <algorithm>
#include <cstdint>
#include <string>

#include "core/search/distinct_hashes.hpp"
#include "core/search/document_counter.hpp"
#include "core/search/near_lookup.hpp"
#include "core/search/page_requests.hpp"
#include "core/search/posting_lookup.hpp"
#include "core/search/search_limits.hpp"
#include "core/search/stop_condition.hpp"
#include "core/search/top_results.hpp"

namespace fp {

namespace {

constexpr size_t hashes_a_slice = 256;                      ///< looked up at once; each may find a range
constexpr size_t max_near_ranges = 529;                     ///< of one query hash in one segment
constexpr uint64_t most_window_bytes = uint64_t{64} << 10;  ///< that stay in the nearest caches

/// Ranges that are found before they are counted, how many there may be besides, and how many are held of each at
/// most: found, set apart and, of near ones, given back.
template <class Range>
struct range_bounds;
template <>
struct range_bounds<posting_range> {
  // More are not faster.
  static constexpr size_t portion = size_t{64} << 10, beside = hashes_a_slice, copies = 2;
};
template <>
struct range_bounds<near_range> {
  // Their postings are in the cache then.
  static constexpr size_t portion = size_t{1} << 10, beside = 2 * max_near_ranges, copies = 3;
};

/// How a search's memory is shared out.
struct memory_plan {
  uint64_t for_hashes = 0;
  size_t portion = 0;  ///< ranges that are found before they are counted
  uint64_t for_scores = 0, for_windows = 0;
};

template <class Range>
memory_plan plan_memory(size_t num_hashes, uint64_t max_bytes, bool may_be_cold) {
  memory_plan plan;
  plan.for_hashes = distinct_hashes::bytes_for(num_hashes);
  // A vector that has grown holds up to twice what it was to hold.
  constexpr uint64_t bytes_a_range = 2 * (range_bounds<Range>::copies * sizeof(Range) + sizeof(void*));
  plan.portion = std::min<size_t>(range_bounds<Range>::portion, max_bytes / 8 / bytes_a_range);
  const uint64_t for_ranges = (plan.portion + range_bounds<Range>::beside) * bytes_a_range;
  using counter = basic_document_counter<Range>;
  const uint64_t for_pages = may_be_cold ? page_requests::max_bytes : 0;  // given back before anything is counted
  const uint64_t needed =
      plan.for_hashes + std::max(for_ranges + counter::table::min_bytes + counter::min_window_bytes, for_pages);
  if (needed > max_bytes) {
    throw error(errc::payload_too_large,
                "query: " + std::to_string(num_hashes) + " hashes take " + std::to_string(needed) +
                    " bytes to search for; max_search_bytes allows " + std::to_string(max_bytes));
  }
  const uint64_t left = max_bytes - plan.for_hashes - for_ranges;
  plan.for_windows = std::clamp(left / 8, counter::min_window_bytes, most_window_bytes);
  plan.for_scores = left - plan.for_windows;
  return plan;
}

/// Looks all hashes up in all segments. Calls `count(more)` whenever about `portion` ranges have been found, and in
/// the end, which leaves the last ones in `ranges`.
template <class F>
void find_postings(std::span<const snapshot::entry> entries, std::span<const hash_value> hashes, unsigned,
                   size_t portion, std::vector<posting_range>& ranges, stop_condition& stop, const F& count) {
  ranges.clear();
  posting_lookup lookup(ranges, stop);
  for (size_t e = 0; e < entries.size(); e++) {
    const posting_table& table = entries[e].segment->postings();
    if (table.size() == 0) continue;
    for (size_t at = 0; at < hashes.size(); at += hashes_a_slice) {
      lookup.add(static_cast<uint32_t>(e), table, hashes.subspan(at, std::min(hashes_a_slice, hashes.size() - at)));
      if (ranges.size() < portion) continue;
      count(true);
      ranges.clear();
    }
  }
  lookup.finish();
  count(false);
}

/// As above, what is near the hashes. Ranges that belong together are counted together.
template <class F>
void find_postings(std::span<const snapshot::entry> entries, std::span<const hash_value> hashes, unsigned probes,
                   size_t portion, std::vector<near_range>& ranges, stop_condition& stop, const F& count) {
  ranges.clear();
  std::vector<near_range> begun;
  near_lookup lookup(
      probes, ranges, portion,
      [&] {
        auto first = ranges.end();
        while (first != ranges.begin() && std::prev(first)->belongs_with(ranges.back())) --first;
        begun.assign(first, ranges.end());
        ranges.erase(first, ranges.end());
        count(true);
        ranges.assign(begun.begin(), begun.end());
      },
      stop);
  for (size_t e = 0; e < entries.size(); e++) {
    const posting_table& table = entries[e].segment->postings();
    if (table.size() == 0) continue;
    lookup.find(static_cast<uint32_t>(e), table, hashes);
  }
  count(false);
}

/// What searches of a kind keep between calls.
template <class Range>
struct range_scratch {
  explicit range_scratch(seeded_mix mix) : counter(mix) {}

  std::vector<Range> ranges;
  basic_document_counter<Range> counter;
  size_t portion = 0;  ///< the largest one that they have been used for

  uint64_t bytes() const noexcept { return ranges.capacity() * sizeof(Range) + counter.bytes(); }
  void release() noexcept {
    ranges = std::vector<Range>();
    counter.release();
    portion = 0;
  }
};

}  // namespace

struct searcher::scratch {
  explicit scratch(seeded_mix table_mix) : mix(table_mix) {}

  uint64_t bytes() const noexcept { return hashes.bytes() + exact.bytes() + near.bytes(); }

  /// Gives back everything.
  void release() noexcept {
    hashes = distinct_hashes(mix);
    exact.release();
    near.release();
  }

  template <class Range>
  search_outcome search(const snapshot& index, query_view query, const search_options& options,
                        range_scratch<Range>& of_kind);

  seeded_mix mix;
  search_pace pace;
  distinct_hashes hashes{mix};
  range_scratch<posting_range> exact{mix};
  range_scratch<near_range> near{mix};
};

searcher::searcher() : scratch_(std::make_unique<scratch>(seeded_mix())) {}
searcher::searcher(uint64_t seed) : scratch_(std::make_unique<scratch>(seeded_mix(seed))) {}
searcher::~searcher() = default;

uint64_t searcher::scratch_bytes() const noexcept { return scratch_->bytes(); }

search_outcome searcher::search(const snapshot& index, query_view query, const search_options& options) {
  if (options.probes == 0) return scratch_->search(index, query, options, scratch_->exact);
  require_allowed_probes(options.probes);
  return scratch_->search(index, query, options, scratch_->near);
}

template <class Range>
search_outcome searcher::scratch::search(const snapshot& index, query_view query, const search_options& options,
                                         range_scratch<Range>& of_kind) {
  const bool may_be_cold = options.may_be_cold && std::ranges::any_of(index.entries(), [](const auto& e) {
                             return e.segment->is_on_disk();
                           });
  const memory_plan plan = plan_memory<Range>(query.size(), options.max_bytes, may_be_cold);
  auto& ranges = of_kind.ranges;
  auto& counter = of_kind.counter;
  // What earlier searches needed more of is not there twice.
  if (hashes.bytes() > plan.for_hashes || of_kind.portion > plan.portion ||
      bytes() > hashes.bytes() + of_kind.bytes()) {
    release();
  }
  of_kind.portion = plan.portion;
  struct releasing {
    scratch& of;
    ~releasing() {
      if (of.bytes() > kept_bytes) of.release();
    }
  } releases{*this};
  stop_condition stop(options, pace);
  const auto distinct = hashes.take(query, stop);
  search_outcome outcome;
  outcome.num_hashes = distinct.size();
  const uint64_t min_score =
      std::max<uint64_t>(options.min_score.value_or(static_cast<uint32_t>((query.size() + 19) / 20)), 1);
  top_results results(options.limit, min_score, options.score_pct);

  if (may_be_cold) page_requests(stop).ask(index.entries(), distinct, options.probes);
  const auto find = [&](const auto& count) {
    find_postings(index.entries(), distinct, options.probes, plan.portion, ranges, stop, count);
  };
  uint64_t portions = 0;
  counter.begin(index.entries(), {plan.for_scores, plan.for_windows, may_be_cold, plan.portion});
  find([&](bool more) {
    for (const Range& range : ranges) outcome.num_postings += range.count;
    portions++;
    counter.count(ranges, !more, stop);
  });
  for (;;) {
    counter.finish_pass(results, stop);
    if (!counter.next_pass(portions == 1, stop)) break;
    if (portions == 1) {
      counter.count(ranges, true, stop);
    } else {
      find([&](bool more) { counter.count(ranges, !more, stop); });
    }
  }
  index.require_readable();
  outcome.results = results.take();
  outcome.work = counter.work();
  return outcome;
}

}  // namespace fp
