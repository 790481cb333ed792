#pragma once

#include <cstdint>

namespace fp::test {

/// Makes the `nth` allocation of this thread by `operator new` (1: the next one) throw `std::bad_alloc`, once.
/// 0: none. Memory that is not got by `operator new`, such as that of bitmaps, does not count.
void fail_allocation(uint64_t nth) noexcept;

/// Allocations of this thread that counted so far.
uint64_t num_allocations() noexcept;
/// Counts, from 0 on, the allocations of this thread that are of so many bytes.
void count_allocations_of(uint64_t bytes) noexcept;
uint64_t num_allocations_of_that_size() noexcept;
/// Bytes that this thread has allocated so and nobody has given back on it. Negative for one that gives back
/// others'.
int64_t allocated_bytes() noexcept;
/// Whether the allocation that was to fail has failed.
bool allocation_has_failed() noexcept;

/// While an object lives, the thread's allocations neither count nor fail: for what tests themselves need.
class reliable_allocation {
 public:
  reliable_allocation() noexcept;
  ~reliable_allocation();
  reliable_allocation(const reliable_allocation&) = delete;
  reliable_allocation& operator=(const reliable_allocation&) = delete;
};

}  // namespace fp::test
