#pragma once

#include <cstddef>
#include <span>
#include <utility>

namespace fp {

/// Owned, uninitialized bytes that start at a 64-byte boundary; large blocks start at a 2 MB boundary and ask for
/// huge pages, which spare random access most of its TLB misses, as far as they fill them.
class aligned_memory {
 public:
  aligned_memory() = default;
  /// Throws std::bad_alloc.
  explicit aligned_memory(size_t size);
  ~aligned_memory();
  aligned_memory(aligned_memory&& other) noexcept { swap(other); }
  aligned_memory& operator=(aligned_memory&& other) noexcept {
    swap(other);
    return *this;
  }

  std::span<std::byte> bytes() noexcept { return {data_, size_}; }
  std::span<const std::byte> bytes() const noexcept { return {data_, size_}; }

 private:
  void swap(aligned_memory& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(mapped_, other.mapped_);
  }

  std::byte* data_ = nullptr;
  size_t size_ = 0;
  size_t mapped_ = 0;  ///< length of the anonymous mapping; 0: from the allocator
};

}  // namespace fp
