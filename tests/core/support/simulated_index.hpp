#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/merge/merge_policy.hpp"

namespace fp::test {

/// Segments without contents: which documents and tombstones each holds, and what merges write. Documents are
/// numbers from 0 on and of one size. Replaces hours of real merging where only sizes count.
class simulated_index {
 public:
  simulated_index(size_t num_documents, uint64_t postings_per_document)
      : newest_(num_documents), deleted_(num_documents), versions_(num_documents), weight_(postings_per_document) {}

  /// One more segment, as a checkpoint writes it: of several changes to one document the first counts.
  void add(std::span<const uint32_t> inserted, std::span<const uint32_t> deleted = {}) {
    segment s{next_name(), {}, {}};
    for (const uint32_t d : inserted) {
      if (newest_[d] == s.name) continue;
      speak_for(d, s.name, false);
      versions_[d]++;
      s.documents.push_back(d);
    }
    for (const uint32_t d : deleted) {
      if (newest_[d] == s.name) continue;
      speak_for(d, s.name, true);
      s.tombstones.push_back(d);
    }
    written_ += stored_in(s);
    segments_.push_back(std::move(s));
  }

  std::vector<merge_candidate> candidates() const {
    std::vector<merge_candidate> result;
    for (const segment& s : segments_) {
      const auto needed = static_cast<uint64_t>(
          std::count_if(s.tombstones.begin(), s.tombstones.end(), [&](uint32_t d) { return is_needed(s, d); }));
      result.push_back({stored_in(s), live_[s.name] * weight_ + needed});
    }
    return result;
  }

  void merge(merge_range range) {
    segment merged{next_name(), {}, {}};
    const auto first = segments_.begin() + static_cast<std::ptrdiff_t>(range.first);
    const auto end = first + static_cast<std::ptrdiff_t>(range.count);
    for (auto s = first; s != end; ++s) {
      for (const uint32_t d : s->documents) {
        if (newest_[d] == s->name && !deleted_[d]) {
          merged.documents.push_back(d);
        } else {
          versions_[d]--;
        }
      }
    }
    for (auto s = first; s != end; ++s) {
      for (const uint32_t d : s->tombstones) {
        if (is_needed(*s, d)) merged.tombstones.push_back(d);
      }
    }
    for (const uint32_t d : merged.documents) speak_for(d, merged.name, false);
    for (const uint32_t d : merged.tombstones) speak_for(d, merged.name, true);
    merged_ += stored_in(merged);
    num_merges_++;
    *first = std::move(merged);
    segments_.erase(first + 1, end);
  }

  /// Merges what `choose` says until it says nothing.
  template <class Choice>
  void settle(const Choice& choose) {
    while (const auto range = choose(candidates())) merge(*range);
  }

  size_t num_segments() const { return segments_.size(); }
  uint64_t stored() const {
    uint64_t sum = 0;
    for (const segment& s : segments_) sum += stored_in(s);
    return sum;
  }
  uint64_t live() const {
    uint64_t sum = 0;
    for (const merge_candidate& c : candidates()) sum += c.live;
    return sum;
  }
  /// 1 when there is nothing.
  double stored_per_live() const {
    return stored() == 0 ? 1 : static_cast<double>(stored()) / static_cast<double>(live());
  }
  /// Postings that checkpoints wrote, that merges wrote, and how many merges.
  uint64_t written() const { return written_; }
  uint64_t merged() const { return merged_; }
  uint64_t num_merges() const { return num_merges_; }

 private:
  struct segment {
    uint32_t name = 0;
    std::vector<uint32_t> documents, tombstones;
  };

  uint32_t next_name() {
    live_.push_back(0);
    return static_cast<uint32_t>(live_.size() - 1);
  }

  void speak_for(uint32_t d, uint32_t name, bool as_deleted) {
    if (newest_[d] != 0 && !deleted_[d]) live_[newest_[d]]--;
    newest_[d] = name;
    deleted_[d] = as_deleted;
    if (!as_deleted) live_[name]++;
  }

  uint64_t stored_in(const segment& s) const { return s.documents.size() * weight_ + s.tombstones.size(); }
  /// A tombstone that is its document's newest word hides every version that is stored.
  bool is_needed(const segment& s, uint32_t d) const { return newest_[d] == s.name && versions_[d] > 0; }

  std::vector<uint32_t> newest_;    ///< the segment with each document's newest word; 0: none
  std::vector<bool> deleted_;       ///< whether that word is a tombstone
  std::vector<uint32_t> versions_;  ///< how many segments hold postings of each document
  uint64_t weight_;
  std::vector<segment> segments_;
  std::vector<uint64_t> live_{0};  ///< documents, by the names of segments
  uint64_t written_ = 0, merged_ = 0, num_merges_ = 0;
};

}  // namespace fp::test
