#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/base/types.hpp"
#include "core/search/posting_range.hpp"
#include "core/search/stop_condition.hpp"
#include "core/segment/posting_table.hpp"

namespace fp {

/// Finds the postings of many hashes in many segments. Nearly every step of a look-up misses the caches, so
/// look-ups go in groups: while samples of the buckets' counts are on their way from memory for one group, the
/// counts are asked for of the group before it, the entries of the one before that, and those of a fourth are
/// searched.
class posting_lookup {
 public:
  /// Found ranges go to the end of `out`, in the order of the look-ups; their postings are in the cache. All
  /// functions throw as `stop` does.
  posting_lookup(std::vector<posting_range>& out, stop_condition& stop) : out_(out), stop_(stop) {}
  posting_lookup(const posting_lookup&) = delete;
  posting_lookup& operator=(const posting_lookup&) = delete;

  /// Looks hashes up in the table of segment number `segment`; the table must live until `finish`.
  void add(uint32_t segment, const posting_table& table, std::span<const hash_value> hashes);

  /// Completes all look-ups.
  void finish();

 private:
  static constexpr size_t group_size = 16;

  struct lookup {
    const posting_table* table;
    uint64_t least;  ///< the smallest entry that counts, see `posting_table::least_entry`
    uint32_t segment;
    uint32_t first, last;  ///< positions; at first the bucket's number and what its directory located
  };
  struct group {
    std::array<lookup, group_size> lookups;
    size_t size = 0;
  };

  /// Calls `f` for each look-up, and tells `stop_` of them together where it does not want to know of each.
  template <class F>
  void for_each_told(group& g, const F& f);
  /// Takes all groups a step further.
  void step();
  static void take_range(lookup& l);
  template <bool Long>
  void search_entries(const lookup& l);
  /// The same in a bucket of several pages. Apart: the usual ones need not be ready for an exception.
  [[gnu::noinline]] void search_long(const lookup& l);

  std::vector<posting_range>& out_;
  stop_condition& stop_;
  std::array<group, 4> groups_;
  group *new_ = &groups_[0], *fetched_ = &groups_[1], *located_ = &groups_[2], *ranged_ = &groups_[3];
};

}  // namespace fp
