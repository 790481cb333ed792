#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/base/types.hpp"
#include "core/index/snapshot.hpp"
#include "core/search/stop_condition.hpp"

namespace fp {

/// Has the pages that a search needs come from the disk together. Touched one after the other, each would be waited
/// for before the next is even known; asked for, they come as many at a time as the disk can.
///
/// Where a bucket's entries are, its counts say, and where those are, its sample: so there are three rounds, the
/// first one only for segments without a copy of their samples. In each, pages are asked for in the order in which
/// they are waited for in the next one, whose first requests so are on their way before the last of this one are
/// answered. Of buckets that are longer than `max_bucket_bytes` nothing is asked for: a look-up touches a few of
/// their pages, and which ones only they can tell.
class page_requests {
 public:
  static constexpr uint64_t max_bucket_bytes = uint64_t{256} << 10;

  /// All functions throw as `stop` does.
  explicit page_requests(stop_condition& stop);
  page_requests(const page_requests&) = delete;
  page_requests& operator=(const page_requests&) = delete;

  /// For look-ups of these hashes, and of all that differ from them in up to `probes` bits, in the segments that
  /// lie on the disk. Those of the last round are on their way when it returns.
  void ask(std::span<const snapshot::entry> entries, std::span<const hash_value> hashes, unsigned probes);

 private:
  struct look {
    const segment* of;
    uint32_t bucket, located;
  };

  static constexpr size_t looks_a_round = 4096;

  /// `hash` has no bit that no hash of the segment has.
  void add(const segment& of, hash_value hash);
  void finish_rounds();
  /// Asks for bytes of a segment, a little later: those of neighbours come in one piece.
  void want(const segment& of, std::span<const std::byte> bytes);
  void ask_for_wanted();

  stop_condition& stop_;
  std::vector<look> looks_;
  const segment* wanted_of_ = nullptr;  ///< null: nothing is wanted
  uintptr_t first_ = 0, last_ = 0;      ///< numbers of pages

 public:
  static constexpr uint64_t max_bytes = looks_a_round * sizeof(look);
};

}  // namespace fp
