#pragma once

#include <atomic>
#include <cstdint>

namespace fp {

/// A bound on bytes that several threads hold together.
class byte_budget {
 public:
  explicit byte_budget(uint64_t limit) : limit_(limit) {}

  /// False when they are not there.
  bool take(uint64_t bytes) noexcept {
    if (bytes > limit_ || used_.fetch_add(bytes, std::memory_order_relaxed) > limit_ - bytes) {
      if (bytes <= limit_) give_back(bytes);
      return false;
    }
    return true;
  }
  void give_back(uint64_t bytes) noexcept { used_.fetch_sub(bytes, std::memory_order_relaxed); }
  uint64_t used() const noexcept { return used_.load(std::memory_order_relaxed); }

 private:
  const uint64_t limit_;
  std::atomic<uint64_t> used_ = 0;
};

}  // namespace fp
