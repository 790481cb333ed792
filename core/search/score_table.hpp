#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/base/aligned_memory.hpp"
#include "core/base/seeded_mix.hpp"
#include "core/base/types.hpp"
#include "core/search/stop_condition.hpp"

namespace fp {

/// A document's score.
struct score_slot {
  using hit = document_id;

  document_id id;
  uint32_t count;  ///< 0: the slot is free

  static document_id id_of(hit h) noexcept { return h; }
  void add(hit) noexcept { count++; }
};

/// A document's score where a query hash may meet the document several times and counts once. The hits of one query
/// hash come one after the other.
struct near_slot {
  struct hit {
    document_id id;
    uint32_t query;  ///< number of the query hash
  };

  document_id id;
  uint32_t count;  ///< 0: the slot is free
  uint32_t query;  ///< that counted last

  static document_id id_of(hit h) noexcept { return h.id; }
  void add(hit h) noexcept {
    count += static_cast<uint32_t>(count == 0) | static_cast<uint32_t>(query != h.query);
    query = h.query;
  }
};

/// Counts how often each document id occurs: an open-addressing hash table with linear probing that grows with the
/// number of distinct ids, so that many hits on few documents stay in the cache, up to a bound.
template <class Slot>
class basic_score_table {
 public:
  using slot = Slot;
  using hit = typename Slot::hit;

  explicit basic_score_table(seeded_mix mix = {}) : mix_(mix) {}

  /// Forgets everything, makes room for up to `expected` ids, as far as they fit the cache (more are often few
  /// distinct ones), and will not take more than `max_bytes` (`min_bytes` or more), not even while it grows. Throws
  /// as `stop` does; must then be cleared again. So do the others.
  void clear(uint64_t expected, uint64_t max_bytes, stop_condition& stop);

  /// Makes room for more ids, at most `max_block`. False: the bound is reached.
  bool make_room(size_t num_ids, stop_condition& stop);
  /// Counts each of `hits`. There must be room for all of them.
  void add(std::span<const hit> hits);
  /// Drops about the larger half of the ids, and returns the smallest dropped one. At least two must be in here.
  document_id drop_larger_half(stop_condition& stop);

  /// The slot of an id that has been counted; null for others. Valid until room is made.
  slot* find(document_id id) noexcept {
    size_t at = home(id);
    while (slots_[at].count > 0 && slots_[at].id != id) at = (at + 1) & mask_;
    return slots_[at].count > 0 ? &slots_[at] : nullptr;
  }
  /// Counts a hit of a taken slot.
  void count(slot& s, hit h) noexcept {
    s.add(h);
    best_ = std::max(best_, s.count);
  }

  /// Of all ids since the table was cleared.
  uint32_t best() const noexcept { return best_; }
  /// Whether twice as many ids as in here would have room.
  bool is_sparse() const noexcept { return used_ * 2 <= capacity(max_slots_); }
  /// How many ids it takes without growing.
  size_t max_ids() const noexcept { return capacity(mask_ + 1); }
  /// All slots, free ones included.
  std::span<const slot> slots() const noexcept { return {slots_, mask_ + 1}; }
  std::span<slot> slots() noexcept { return {slots_, mask_ + 1}; }

  /// Gives all memory back; the table is to be cleared next.
  void release() noexcept {
    memory_ = aligned_memory();
    other_ = aligned_memory();
  }
  /// Memory that is held at the moment.
  uint64_t bytes() const noexcept { return memory_.bytes().size() + other_.bytes().size(); }
  /// The sum of all ids' distances from where they would lie without the others.
  uint64_t displacement() const noexcept;

  static constexpr size_t max_block = 256;
  static constexpr uint64_t min_bytes = 16 * 1024;

 private:
  static constexpr size_t min_slots = 64;
  static constexpr size_t max_cached_slots = size_t{32} << 10;  // 256 KB or more; larger tables are prefetched from

  size_t home(document_id id) const noexcept { return mix_(id) >> shift_; }
  /// How many ids a table takes.
  static size_t capacity(size_t num_slots) noexcept { return num_slots / 8 * 5; }
  /// Goes on with `num_slots` free slots of the current memory.
  void lay_out(size_t num_slots, stop_condition& stop);
  /// Puts an id and its count into a free slot.
  void put(const slot& s) noexcept;
  void grow(stop_condition& stop);

  seeded_mix mix_;
  aligned_memory memory_, other_;  ///< `other_` is the memory to copy from or to while slots move
  slot* slots_ = nullptr;
  size_t mask_ = 0, max_slots_ = 0;
  unsigned shift_ = 0;
  size_t used_ = 0;
  uint32_t best_ = 0;
};

extern template class basic_score_table<score_slot>;
extern template class basic_score_table<near_slot>;
using score_table = basic_score_table<score_slot>;
using near_score_table = basic_score_table<near_slot>;

}  // namespace fp
