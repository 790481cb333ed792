#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "core/base/types.hpp"
#include "core/search/posting_range.hpp"
#include "core/search/stop_condition.hpp"
#include "core/segment/posting_table.hpp"

namespace fp {

/// Finds the postings of all stored hashes that differ from a query hash in at most `probes` bits.
///
/// Neighbouring buckets are a span (see `posting_table::span_bits`); what a hash has below its span's number is its
/// rest. A span is looked at once for a query hash: bits of its number that differ are taken from those that may
/// differ in the rest, and where no more may, one bucket of it is. Spans come with the lowest differing bits first,
/// so that many lie in the page, some in the cache line of the one before. As in `posting_lookup`, several are on
/// their way from memory while one is searched; here each step of a bucket is followed by one of another, because
/// the bandwidth of misses is what bounds so many look-ups.
class near_lookup {
 public:
  /// Found ranges go to the end of `out`, those of a query hash in a segment next to each other; `full` is called
  /// whenever there are `portion` or more, and takes some out. All functions throw as `stop` and `full` do.
  near_lookup(unsigned probes, std::vector<near_range>& out, size_t portion, std::function<void()> full,
              stop_condition& stop)
      : probes_(probes), out_(out), portion_(portion), full_(std::move(full)), stop_(stop) {}
  near_lookup(const near_lookup&) = delete;
  near_lookup& operator=(const near_lookup&) = delete;

  /// Looks near hashes, which are numbered from 0 on, in the table of segment number `segment`.
  void find(uint32_t segment, const posting_table& table, std::span<const hash_value> hashes);

 private:
  /// A look at a bucket.
  struct visit {
    uint64_t least;  ///< the smallest entry of the query hash's tail
    uint32_t bucket;
    uint32_t first, last;  ///< of the entries of the bucket, or of the span; at first what the directory located
    uint32_t window;       ///< where those begin that are searched
    uint32_t query;
    uint32_t reach;  ///< bits that may differ in the rest
  };
  /// A posting of the tail that was looked for, perhaps not the only one.
  struct hit {
    uint64_t bound;        ///< of the tail's entries
    uint32_t first, last;  ///< the posting's position, and the bucket's end
    uint32_t query;
  };
  /// A span's number differs from another one by `mask`, and so many more bits may differ.
  struct step {
    uint32_t mask, reach;
  };
  static constexpr size_t distance = 32;  ///< between what is done for a visit, in visits
  static constexpr size_t max_hits = 32;

  /// All steps of a reach.
  void plan_steps(unsigned bits_of_spans);
  void locate(visit& v) const noexcept;
  void fetch(visit& v) const noexcept;
  void search(const visit& v);
  /// The same in a bucket of a few entries.
  void search_short(const visit& v);
  /// And wherever in the bucket the tail is.
  [[gnu::noinline]] void search_bucket(const visit& v);
  /// Finds several rests, each of which is a range of its own.
  [[gnu::noinline]] void search_rests(const visit& v);
  void compare_each_entry(const visit& v, uint32_t rest);
  uint32_t span_mask() const noexcept { return (uint32_t{1} << span_bits_) - 1; }
  uint32_t rest_of(uint32_t bucket, uint32_t tail) const noexcept {
    return (bucket & span_mask()) << table_.split().tail_bits | tail;
  }
  /// The entry at `at` may be of the tail.
  void add_hit(const visit& v, uint32_t at, uint32_t if_entry);
  void found(uint32_t query, uint32_t first, uint32_t count);
  [[gnu::noinline]] void take_hits();

  const unsigned probes_;
  std::vector<near_range>& out_;
  const size_t portion_;
  const std::function<void()> full_;
  stop_condition& stop_;

  uint32_t segment_ = 0;
  posting_table table_;
  unsigned span_bits_ = 0;
  std::array<std::vector<step>, 3> steps_;  ///< of each reach
  std::array<visit, 4 * distance> visits_;
  std::array<hit, max_hits> hits_;
  size_t num_hits_ = 0;
};

}  // namespace fp
