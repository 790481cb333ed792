#include "core/index/snapshot.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "core/base/error.hpp"

namespace fp {

namespace {

/// Adds to `superseded` what `newer` speaks for of `older`'s documents.
void add_common(doc_set& superseded, const segment& older, const segment& newer) {
  const segment_info &a = older.info(), &b = newer.info();
  if (a.num_documents == 0 || b.num_documents == 0) return;
  if (a.max_document < b.min_document || b.max_document < a.min_document) return;
  superseded |= older.documents() & newer.documents();
}

doc_set_ptr make_set(doc_set&& set) {
  return set.isEmpty() ? nullptr : std::make_shared<const doc_set>(std::move(set));
}

/// The superseded documents of the segment at `position`, from nothing.
doc_set_ptr superseded_at(std::span<const snapshot::entry> entries, size_t position) {
  doc_set set;
  for (size_t newer = position + 1; newer < entries.size(); newer++) {
    add_common(set, *entries[position].segment, *entries[newer].segment);
  }
  return make_set(std::move(set));
}

std::string range_text(const segment_info& info) {
  return std::to_string(info.first_commit) + " to " + std::to_string(info.last_commit);
}

void require_order(std::span<const snapshot::entry> entries) {
  for (size_t i = 1; i < entries.size(); i++) {
    const segment &older = *entries[i - 1].segment, &newer = *entries[i].segment;
    if (newer.info().first_commit != older.info().last_commit + 1) {
      throw error(errc::corrupt_data, "a segment of commits " + range_text(newer.info()) +
                                          " follows one of commits " + range_text(older.info()));
    }
    if (older.is_memory() && !newer.is_memory()) {
      throw error(errc::internal_error,
                  "a segment file of commits " + range_text(newer.info()) + " follows a segment in memory");
    }
  }
}

/// Documents whose newest version is in the segment of `e`, not deleted.
doc_set live_set(const snapshot::entry& e) {
  doc_set live = e.segment->documents() - e.segment->tombstones();
  if (e.superseded) live -= *e.superseded;
  return live;
}

bool all_live(const snapshot::entry& e) { return !e.superseded && e.segment->info().num_tombstones == 0; }

}  // namespace

uint64_t snapshot::entry::live_documents() const {
  const doc_set& tombstones = segment->tombstones();
  const uint64_t dead = superseded ? tombstones.or_cardinality(*superseded) : segment->info().num_tombstones;
  return segment->info().num_documents - dead;
}

snapshot_ptr snapshot::from_segments(std::vector<segment_ptr> segments) {
  auto result = std::make_shared<snapshot>();
  for (auto& s : segments) result->entries_.push_back({std::move(s), nullptr});
  require_order(result->entries_);
  for (size_t i = 0; i < result->entries_.size(); i++) {
    result->entries_[i].superseded = superseded_at(result->entries_, i);
  }
  return result;
}

snapshot_ptr snapshot::with_added(segment_ptr newest) const {
  auto result = std::make_shared<snapshot>(*this);
  const segment& added = *newest;
  for (entry& e : result->entries_) {
    doc_set common;
    add_common(common, *e.segment, added);
    if (common.isEmpty()) continue;
    if (e.superseded) {
      if (common.isSubset(*e.superseded)) continue;
      common |= *e.superseded;
    }
    e.superseded = make_set(std::move(common));
  }
  result->entries_.push_back({std::move(newest), nullptr});
  require_order(result->entries_);
  return result;
}

snapshot_ptr snapshot::with_replaced(size_t first, size_t count, segment_ptr merged) const {
  if (count == 0 || first > entries_.size() || count > entries_.size() - first) {
    throw error(errc::internal_error, "replacing segments that the snapshot does not have");
  }
  const segment_info &info = merged->info(), &oldest = entries_[first].segment->info(),
                     &newest = entries_[first + count - 1].segment->info();
  if (info.first_commit != oldest.first_commit || info.last_commit != newest.last_commit) {
    throw error(errc::internal_error, "a segment of commits " + range_text(info) + " cannot replace commits " +
                                          std::to_string(oldest.first_commit) + " to " +
                                          std::to_string(newest.last_commit));
  }
  auto result = std::make_shared<snapshot>(*this);
  auto& entries = result->entries_;
  const auto at = entries.begin() + static_cast<std::ptrdiff_t>(first);
  *at = {std::move(merged), nullptr};
  entries.erase(at + 1, at + static_cast<std::ptrdiff_t>(count));
  require_order(entries);
  // Older segments: what the replaced ones superseded there and the merged one does not speak for any more is
  // spoken for by segments after it.
  entries[first].superseded = superseded_at(entries, first);
  return result;
}

std::optional<size_t> snapshot::position_of(const segment* s) const noexcept {
  for (size_t i = 0; i < entries_.size(); i++) {
    if (entries_[i].segment.get() == s) return i;
  }
  return std::nullopt;
}

commit_id snapshot::version() const noexcept {
  return entries_.empty() ? 0 : entries_.back().segment->info().last_commit;
}

commit_id snapshot::file_version() const noexcept {
  const size_t files = num_file_segments();
  return files == 0 ? 0 : entries_[files - 1].segment->info().last_commit;
}

size_t snapshot::num_file_segments() const noexcept {
  const auto is_file = [](const entry& e) { return !e.segment->is_memory(); };
  return static_cast<size_t>(std::count_if(entries_.begin(), entries_.end(), is_file));
}

void snapshot::require_readable() const {
  for (const entry& e : entries_) e.segment->require_readable();
}

std::optional<document_state> snapshot::find(document_id id) const {
  for (auto e = entries_.rbegin(); e != entries_.rend(); ++e) {
    if (const auto state = e->segment->find(id)) return state->deleted ? std::nullopt : state;
  }
  return std::nullopt;
}

metadata_map snapshot::metadata() const {
  metadata_map all;
  for (const entry& e : entries_) {
    for (const auto& [key, value] : e.segment->metadata()) all.insert_or_assign(key, value);
  }
  return all;
}

snapshot_stats snapshot::stats() const {
  snapshot_stats stats;
  stats.num_segments = entries_.size();
  for (const entry& e : entries_) {
    const segment_info& info = e.segment->info();
    stats.num_postings += info.num_postings;
    stats.num_bytes += info.num_bytes;
    if (e.segment->is_memory()) {
      stats.num_memory_segments++;
      stats.memory_postings += info.num_postings;
    }
    document_id smallest = info.min_document, largest = info.max_document;
    uint64_t live_documents = info.num_documents;
    if (!all_live(e)) {
      const doc_set live = live_set(e);
      live_documents = live.cardinality();
      if (live_documents > 0) {
        smallest = live.minimum();
        largest = live.maximum();
      }
    }
    if (live_documents == 0) continue;
    stats.min_document = stats.num_documents == 0 ? smallest : std::min(stats.min_document, smallest);
    stats.max_document = std::max(stats.max_document, largest);
    stats.num_documents += live_documents;
  }
  return stats;
}

}  // namespace fp
