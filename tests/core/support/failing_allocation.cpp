#include "tests/core/support/failing_allocation.hpp"

#include <malloc.h>

#include <cstdlib>
#include <new>

namespace fp::test {

namespace {

struct thread_state {
  uint64_t count = 0;
  uint64_t counted_size = 0, count_of_size = 0;
  uint64_t countdown = 0;  // 0: fail nothing
  bool failed = false;
  int reliable = 0;
  int64_t bytes = 0;
};

thread_local thread_state allocations;

void* allocate(std::size_t bytes, std::size_t alignment) {
  auto& state = allocations;
  if (state.reliable == 0) {
    state.count++;
    state.count_of_size += bytes == state.counted_size;
    if (state.countdown > 0 && --state.countdown == 0) {
      state.failed = true;
      throw std::bad_alloc();
    }
  }
  if (bytes == 0) bytes = 1;
  void* memory = alignment == 0 ? std::malloc(bytes)
                                : std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  if (memory == nullptr) throw std::bad_alloc();
  state.bytes += static_cast<int64_t>(malloc_usable_size(memory));
  return memory;
}

void release(void* memory) noexcept {
  if (memory == nullptr) return;
  allocations.bytes -= static_cast<int64_t>(malloc_usable_size(memory));
  std::free(memory);
}

void* try_to_allocate(std::size_t bytes, std::size_t alignment) noexcept {
  try {
    return allocate(bytes, alignment);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

}  // namespace

void fail_allocation(uint64_t nth) noexcept {
  allocations.countdown = nth;
  allocations.failed = false;
}
uint64_t num_allocations() noexcept { return allocations.count; }
void count_allocations_of(uint64_t bytes) noexcept {
  allocations.counted_size = bytes;
  allocations.count_of_size = 0;
}
uint64_t num_allocations_of_that_size() noexcept { return allocations.count_of_size; }
int64_t allocated_bytes() noexcept { return allocations.bytes; }
bool allocation_has_failed() noexcept { return allocations.failed; }

reliable_allocation::reliable_allocation() noexcept { allocations.reliable++; }
reliable_allocation::~reliable_allocation() { allocations.reliable--; }

}  // namespace fp::test

// All forms: sanitizers bring forms of their own, which would not fit these.
void* operator new(std::size_t bytes) { return fp::test::allocate(bytes, 0); }
void* operator new[](std::size_t bytes) { return fp::test::allocate(bytes, 0); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return fp::test::allocate(bytes, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t bytes, std::align_val_t alignment) {
  return fp::test::allocate(bytes, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return fp::test::try_to_allocate(bytes, 0);
}
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept {
  return fp::test::try_to_allocate(bytes, 0);
}
void* operator new(std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return fp::test::try_to_allocate(bytes, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return fp::test::try_to_allocate(bytes, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { fp::test::release(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { fp::test::release(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { fp::test::release(memory); }
void operator delete(void* memory, std::align_val_t, const std::nothrow_t&) noexcept { fp::test::release(memory); }
void operator delete[](void* memory, std::align_val_t, const std::nothrow_t&) noexcept {
  fp::test::release(memory);
}
void operator delete[](void* memory) noexcept { fp::test::release(memory); }
void operator delete(void* memory, std::size_t) noexcept { fp::test::release(memory); }
void operator delete[](void* memory, std::size_t) noexcept { fp::test::release(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { fp::test::release(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { fp::test::release(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { fp::test::release(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { fp::test::release(memory); }
