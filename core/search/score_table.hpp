#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/base/types.hpp"

namespace fp {

/// Counts how often each document id occurs: an open-addressing hash table with linear probing that grows with the
/// number of distinct ids, so that many hits on few documents stay in the cache. Keeps its memory between uses.
class score_table {
 public:
  struct slot {
    document_id id;
    uint32_t count;  ///< 0: the slot is free
  };

  /// Forgets everything and makes room for up to `expected` ids, as far as they fit the cache: more are often few
  /// distinct ones.
  void clear(uint64_t expected);

  /// Counts each of `ids` once more.
  void add(std::span<const document_id> ids);

  /// The slot of an id that has been counted; null for others. Valid until the next `add`.
  slot* find(document_id id) noexcept {
    size_t at = home(id);
    while (slots_[at].count > 0 && slots_[at].id != id) at = (at + 1) & mask_;
    return slots_[at].count > 0 ? &slots_[at] : nullptr;
  }
  /// Counts the id of a taken slot once more.
  void count(slot& s) noexcept { best_ = std::max(best_, ++s.count); }

  uint32_t best() const noexcept { return best_; }
  /// All slots, free ones included.
  std::span<const slot> slots() const noexcept { return std::span(slots_).first(mask_ + 1); }
  std::span<slot> slots() noexcept { return std::span(slots_).first(mask_ + 1); }

 private:
  static constexpr size_t min_slots = 64;
  static constexpr size_t max_cached_slots = size_t{32} << 10;  // 256 KB; larger tables are prefetched from
  static constexpr size_t kept_slots = size_t{1} << 20;

  size_t home(document_id id) const noexcept { return (id * 0x9e3779b1u) >> shift_; }
  void resize(size_t num_slots);
  void grow();

  std::vector<slot> slots_;
  size_t mask_ = 0;
  unsigned shift_ = 0;
  size_t used_ = 0;
  uint32_t best_ = 0;
};

}  // namespace fp
