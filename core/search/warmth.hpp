#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace fp {

/// Whether the mapped files of an index are in memory, as far as its searches can tell. They count as cold until so
/// many searches in a row have met no page that had to come from a disk; whoever trusts that and meets one has to
/// see more of them the next time. Safe for use from many threads at once; races lose a count or two.
class warmth {
 public:
  /// A search elsewhere that so many pages came from a disk for.
  void searched(uint64_t disk_reads) noexcept {
    if (disk_reads > 0) {
      quiet_.store(0, std::memory_order_relaxed);
    } else if (quiet_.load(std::memory_order_relaxed) < most_needed) {
      quiet_.fetch_add(1, std::memory_order_relaxed);
    }
  }
  /// A search that trusted `is_warm`.
  void searched_trusting(uint64_t disk_reads) noexcept {
    if (disk_reads > 0) {
      quiet_.store(0, std::memory_order_relaxed);
      needed_.store(std::min(needed() * 2, most_needed), std::memory_order_relaxed);
      trusted_.store(0, std::memory_order_relaxed);
    } else if (trusted_.fetch_add(1, std::memory_order_relaxed) + 1 == needed() && needed() > least_needed) {
      needed_.store(needed() / 2, std::memory_order_relaxed);
      trusted_.store(0, std::memory_order_relaxed);
    }
  }
  /// There are files that have not been searched.
  void forget() noexcept { quiet_.store(0, std::memory_order_relaxed); }

  /// Whether searches are likely to need pages that are not in memory.
  bool is_cold() const noexcept { return quiet_.load(std::memory_order_relaxed) < least_needed; }
  /// For who trusts.
  bool is_warm() const noexcept { return quiet_.load(std::memory_order_relaxed) >= needed(); }

  static constexpr uint32_t least_needed = 64, most_needed = 1u << 16;

 private:
  uint32_t needed() const noexcept { return needed_.load(std::memory_order_relaxed); }

  std::atomic<uint32_t> quiet_ = 0;  ///< searches without a fault since the last one with one
  std::atomic<uint32_t> needed_ = least_needed;
  std::atomic<uint32_t> trusted_ = 0;  ///< searches that went well since `needed_` changed
};

}  // namespace fp
