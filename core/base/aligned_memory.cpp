#include "core/base/aligned_memory.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <new>

namespace fp {

namespace {

constexpr size_t huge_page = size_t{2} << 20;
constexpr std::align_val_t small_alignment{64};

size_t round_up(size_t size, size_t unit) { return (size + unit - 1) / unit * unit; }

}  // namespace

aligned_memory::aligned_memory(size_t size) : size_(size) {
  if (size < huge_page) {
    data_ = static_cast<std::byte*>(::operator new(size, small_alignment));
    return;
  }
  // The kernel aligns to 4 KB only: map more than needed and give back what lies outside the boundaries.
  if (size > SIZE_MAX - 2 * huge_page) throw std::bad_alloc();
  const size_t length = round_up(size, static_cast<size_t>(::sysconf(_SC_PAGESIZE)));
  void* mapping = ::mmap(nullptr, length + huge_page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED) throw std::bad_alloc();
  auto* const begin = static_cast<std::byte*>(mapping);
  const size_t before = (huge_page - reinterpret_cast<uintptr_t>(begin) % huge_page) % huge_page;
  if (before > 0) ::munmap(begin, before);
  if (before < huge_page) ::munmap(begin + before + length, huge_page - before);
  data_ = begin + before;
  mapped_ = length;
  // A huge page that is not needed in full would take up to 2 MB more, of every segment.
  ::madvise(data_, size / huge_page * huge_page, MADV_HUGEPAGE);
}

aligned_memory::~aligned_memory() {
  if (mapped_ > 0) {
    ::munmap(data_, mapped_);
  } else if (data_ != nullptr) {
    ::operator delete(data_, small_alignment);
  }
}

}  // namespace fp
