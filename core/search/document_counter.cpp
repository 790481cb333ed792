#include "core/search/document_counter.hpp"

#include <algorithm>
#include <array>

#include "core/base/partition_point.hpp"

namespace fp {

namespace {

constexpr size_t block_ids = 256;                ///< counted together
constexpr uint32_t long_range = 1024;            ///< postings that are worth the look at what may be left out
constexpr uint32_t ids_per_binary_search = 128;  ///< that are walked in the time of a search among them
constexpr uint32_t postings_per_check = 64 * 1024;

void count_all(std::span<const snapshot::entry> entries, std::span<const posting_range> ranges,
               const stop_condition& stop, score_table& scores) {
  std::array<document_id, block_ids> block;
  size_t filled = 0;
  uint32_t unchecked = 0;
  const auto flush = [&] {
    scores.add(std::span(block).first(filled));
    filled = 0;
  };
  const snapshot::entry* e = nullptr;
  posting_table table;  // a copy: the compiler cannot know that writing ids leaves the segment's own alone
  for (const posting_range& range : ranges) {
    if (e != &entries[range.segment]) {
      e = &entries[range.segment];
      table = e->segment->postings();
    }
    const doc_set* const superseded = e->superseded.get();
    for (uint32_t at = range.first, left = range.count; left > 0;) {
      if (filled == block_ids) flush();
      const uint32_t length = std::min(left, static_cast<uint32_t>(block_ids - filled));
      for (const uint32_t end = at + length; at < end; at++) {
        const document_id id = table.document_at(at);
        block[filled] = id;
        filled += superseded == nullptr || !superseded->contains(id);
      }
      left -= length;
      unchecked += length;
      if (unchecked >= postings_per_check) {
        stop.check();
        unchecked = 0;
      }
    }
  }
  flush();
  stop.check();
}

bool contains(const posting_table& table, const posting_range& range, document_id id) {
  const uint64_t end = uint64_t{range.first} + range.count;
  const uint64_t at = partition_point(range.first, end, [&](uint64_t i) { return table.document_at(i) < id; });
  return at < end && table.document_at(at) == id;
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

void document_counter::count(std::span<const snapshot::entry> entries, std::span<posting_range> ranges,
                             uint64_t min_score, const stop_condition& stop) {
  const size_t num_apart = set_long_ranges_apart(ranges, min_score);
  const auto first = ranges.first(ranges.size() - num_apart), apart = ranges.last(num_apart);
  uint64_t num_postings = 0;
  for (const posting_range& range : first) num_postings += range.count;
  scores_.clear(num_postings);
  count_all(entries, first, stop, scores_);
  if (apart.empty()) return;
  promising_.clear();
  for (score_table::slot& s : scores_.slots()) {
    if (s.count > 0 && s.count + num_apart >= min_score) promising_.push_back(&s);
  }
  for (const posting_range& range : apart) count_known(entries[range.segment], range, promising_, stop, scores_);
}

}  // namespace fp
