#include "core/index/snapshot.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "core/base/error.hpp"
#include "core/index/document_union.hpp"

namespace fp {

namespace {

/// A step takes as long as some hundred words of a set operation.
constexpr size_t steps_before_set = 1024;

doc_set_ptr make_set(doc_set&& set) {
  if (set.isEmpty()) return nullptr;
  return std::make_shared<const doc_set>(std::move(set));
}

bool have_common_range(const segment_info& a, const segment_info& b) {
  return a.num_documents > 0 && b.num_documents > 0 && a.min_document <= b.max_document &&
         b.min_document <= a.max_document;
}

bool is_live(const snapshot::entry& e, document_id id) {
  return !e.segment->tombstones().contains(id) && !(e.superseded && e.superseded->contains(id));
}

doc_set live_set(const snapshot::entry& e) {
  doc_set live = e.segment->documents() - e.segment->tombstones();
  if (e.superseded) live -= *e.superseded;
  return live;
}

/// Finds the smallest and the largest live document from ones that were or may be it.
void shrink_live_range(snapshot::entry& e) {
  if (e.live_documents == 0) {
    e.min_live = e.max_live = 0;
    return;
  }
  const doc_set& documents = e.segment->documents();
  auto it = documents.begin();
  size_t steps = 0;
  it.equalorlarger(e.min_live);
  for (; !is_live(e, *it) && steps < steps_before_set; steps++) ++it;
  e.min_live = *it;
  it.equalorlarger(e.max_live);
  for (; !is_live(e, *it) && steps < steps_before_set; steps++) --it;
  e.max_live = *it;
  if (steps < steps_before_set) return;
  const doc_set live = live_set(e);
  e.min_live = live.minimum();
  e.max_live = live.maximum();
}

/// Counts everything from nothing.
void count_live(snapshot::entry& e) {
  const segment_info& info = e.segment->info();
  const doc_set& tombstones = e.segment->tombstones();
  e.needed_tombstones = info.num_tombstones;
  if (info.num_tombstones > 0) {
    doc_set needless;
    if (e.superseded) needless |= tombstones & *e.superseded;
    if (e.needless_tombstones) needless |= *e.needless_tombstones;
    e.needed_tombstones -= needless.cardinality();
  }
  e.min_live = info.min_document;
  e.max_live = info.max_document;
  const uint64_t superseded = e.superseded ? e.superseded->cardinality() : 0;
  const uint64_t dead_both_ways =
      e.superseded && info.num_tombstones > 0 ? tombstones.and_cardinality(*e.superseded) : 0;
  e.live_documents = info.num_documents - info.num_tombstones - superseded + dead_both_ways;
  shrink_live_range(e);
}

/// The tombstones at `position` that no older segment gives a meaning.
doc_set_ptr needless_tombstones_at(std::span<const snapshot::entry> entries, size_t position) {
  const segment& s = *entries[position].segment;
  if (s.info().num_tombstones == 0) return nullptr;
  doc_set needless = s.tombstones();
  for (size_t older = 0; older < position && !needless.isEmpty(); older++) {
    if (have_common_range(s.info(), entries[older].segment->info())) {
      needless -= entries[older].segment->documents();
    }
  }
  return make_set(std::move(needless));
}

/// What newer segments than the replaced ones speak for: of several versions of a document among those, only the
/// newest tells.
doc_set superseded_from_outside(std::span<const snapshot::entry> replaced) {
  doc_set superseded, covered;
  for (size_t i = replaced.size(); i-- > 0;) {
    const snapshot::entry& e = replaced[i];
    if (e.superseded) superseded |= *e.superseded - covered;
    if (i > 0) covered |= e.segment->documents();
  }
  return superseded;
}

void require_order(std::span<const snapshot::entry> entries) {
  for (size_t i = 1; i < entries.size(); i++) {
    const segment &older = *entries[i - 1].segment, &newer = *entries[i].segment;
    if (!newer.info().commits().goes_on(older.info().commits())) {
      throw error(errc::corrupt_data, "a segment of commits " + to_string(newer.info().commits()) + " behind " +
                                          begin_of(newer.info().commits()) + " follows one of commits " +
                                          to_string(older.info().commits()));
    }
    if (older.is_memory() && !newer.is_memory()) {
      throw error(errc::internal_error, "a segment file of commits " + to_string(newer.info().commits()) +
                                            " follows a segment in memory");
    }
  }
}

}  // namespace

snapshot_ptr snapshot::from_segments(std::vector<segment_ptr> segments) {
  auto result = std::make_shared<snapshot>();
  auto& entries = result->entries_;
  for (const auto& s : segments) entries.emplace_back().segment = s;
  require_order(entries);
  // Unions that grow by one segment at a time: comparing each with each would take the square of their number.
  document_union newer(segments);
  for (size_t i = entries.size(); i-- > 0;) {
    entries[i].superseded = make_set(newer.join(*segments[i]));
  }
  const auto has_tombstones = [](const segment_ptr& s) { return s->info().num_tombstones > 0; };
  const auto last = std::find_if(segments.rbegin(), segments.rend(), has_tombstones);
  const auto with_tombstones = std::span(segments).first(static_cast<size_t>(segments.rend() - last));
  document_union older(with_tombstones);
  for (size_t i = 0; i < with_tombstones.size(); i++) {
    const segment& s = *segments[i];
    if (s.info().num_tombstones > 0) entries[i].needless_tombstones = make_set(older.tombstones_without(s));
    older.add(s);
  }
  for (entry& e : entries) count_live(e);
  result->renew_metadata();
  return result;
}

snapshot_ptr snapshot::with_added(segment_ptr newest) const {
  auto result = std::make_shared<snapshot>(*this);
  auto& entries = result->entries_;
  for (entry& e : entries) {
    if (!have_common_range(e.segment->info(), newest->info())) continue;
    doc_set fresh = e.segment->documents() & newest->documents();
    if (e.superseded) fresh -= *e.superseded;
    if (fresh.isEmpty()) continue;
    uint64_t deleted = 0;
    if (e.segment->info().num_tombstones > 0) {
      doc_set tombstones = fresh & e.segment->tombstones();
      deleted = tombstones.cardinality();
      if (e.needless_tombstones) tombstones -= *e.needless_tombstones;
      e.needed_tombstones -= tombstones.cardinality();
    }
    e.live_documents -= fresh.cardinality() - deleted;
    if (e.superseded) fresh |= *e.superseded;
    e.superseded = make_set(std::move(fresh));
    shrink_live_range(e);
  }
  entries.emplace_back().segment = std::move(newest);
  require_order(entries);
  entries.back().needless_tombstones = needless_tombstones_at(entries, entries.size() - 1);
  count_live(entries.back());
  result->renew_metadata();
  return result;
}

snapshot_ptr snapshot::with_replaced(size_t first, size_t count, segment_ptr merged) const {
  if (count == 0 || first > entries_.size() || count > entries_.size() - first) {
    throw error(errc::internal_error, "replacing segments that the snapshot does not have");
  }
  const commit_range range =
      joined(entries_[first].segment->info().commits(), entries_[first + count - 1].segment->info().commits());
  if (merged->info().commits() != range) {
    throw error(errc::internal_error, "a segment of commits " + to_string(merged->info().commits()) +
                                          " cannot replace commits " + to_string(range));
  }
  const auto replaced = entries().subspan(first, count);
  auto result = std::make_shared<snapshot>(*this);
  auto& changed = result->entries_;
  const auto at = changed.begin() + static_cast<std::ptrdiff_t>(first);
  *at = entry();
  at->segment = merged;
  changed.erase(at + 1, at + static_cast<std::ptrdiff_t>(count));
  require_order(changed);
  // Older segments: what the replaced ones superseded there and the merged one does not speak for any more is
  // spoken for by segments after it.
  result->renew_metadata();
  at->superseded = make_set(merged->documents() & superseded_from_outside(replaced));
  at->needless_tombstones = needless_tombstones_at(changed, first);
  count_live(*at);
  const auto has_tombstones = [](const entry& e) { return e.segment->info().num_tombstones > 0; };
  if (std::none_of(at + 1, changed.end(), has_tombstones)) return result;
  // Newer tombstones of documents that went with the merge may have nothing left to hide.
  doc_set gone;
  for (const entry& e : replaced) gone |= e.segment->documents() - merged->documents();
  for (size_t i = first + 1; i < changed.size(); i++) {
    if (!has_tombstones(changed[i]) || !changed[i].segment->tombstones().intersect(gone)) continue;
    changed[i].needless_tombstones = needless_tombstones_at(changed, i);
    count_live(changed[i]);
  }
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

void snapshot::renew_metadata() {
  std::vector<segment_ptr> holders;
  for (const entry& e : entries_) {
    if (!e.segment->metadata().empty()) holders.push_back(e.segment);
  }
  if (holders != metadata_->segments()) metadata_ = std::make_shared<const index_metadata>(std::move(holders));
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
    if (e.live_documents == 0) continue;
    stats.min_document = stats.num_documents == 0 ? e.min_live : std::min(stats.min_document, e.min_live);
    stats.max_document = std::max(stats.max_document, e.max_live);
    stats.num_documents += e.live_documents;
  }
  return stats;
}

}  // namespace fp
