#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/base/types.hpp"
#include "core/segment/posting_table.hpp"

namespace fp {

/// Postings of one hash in one segment.
struct posting_range {
  uint32_t segment, first, count;
};

/// Finds the postings of many hashes in many segments. Nearly every step of a look-up misses the caches, so
/// look-ups run as a pipeline: each step prefetches what the next one reads, and goes on only after `distance`
/// other look-ups took the step as well.
class posting_lookup {
 public:
  /// Found ranges go to the end of `out`, in the order of the look-ups; their ids are prefetched.
  explicit posting_lookup(std::vector<posting_range>& out) : out_(out) {}

  /// Looks a hash up in the table of segment number `segment`.
  void add(uint32_t segment, const posting_table& table, hash_value hash) {
    const hash_split split = table.split();
    if (!split.holds(hash)) return;
    start({&table, segment, split.tail(hash), split.bucket(hash), 0});
  }

  /// Completes all look-ups.
  void finish();

 private:
  static constexpr size_t distance = 16;
  static constexpr size_t ring_size = 64;
  static_assert(ring_size > 2 * distance);

  struct lookup {
    const posting_table* table;
    uint32_t segment, tail;
    uint32_t first, last;  ///< positions; at first the bucket's number
  };

  void start(const lookup& l);
  void read_bucket(lookup& l) const;
  void find_tail(const lookup& l);

  std::vector<posting_range>& out_;
  std::array<lookup, ring_size> ring_;
  size_t started_ = 0, read_ = 0, found_ = 0;  ///< how many look-ups have taken each step
};

}  // namespace fp
