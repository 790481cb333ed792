#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

namespace fp {

struct mapping_slot;

/// A file's pages in memory, as a `mapped_file_guard` knows them. Made when the file is mapped, gone before it is
/// unmapped.
class guarded_mapping {
 public:
  static constexpr uint64_t all_readable = std::numeric_limits<uint64_t>::max();

  /// Throws std::bad_alloc.
  guarded_mapping(const std::byte* data, size_t size);
  ~guarded_mapping();
  guarded_mapping(const guarded_mapping&) = delete;
  guarded_mapping& operator=(const guarded_mapping&) = delete;

  /// Offset of the first page that could not be read; `all_readable` while there is none. Whoever has read a zero
  /// in the place of what could not be read sees it here afterwards. Costs a load.
  uint64_t unreadable_from() const noexcept;

 private:
  mapping_slot* slot_;
};

/// While one exists, a page of a mapped file that cannot be read (a block that the disk does not give back, a file
/// that was cut short) does not end the process by SIGBUS: from that page to the end, the mapping holds zeros, and
/// tells so (`guarded_mapping`). It keeps them until it is unmapped, whatever becomes of the file. Every other
/// SIGBUS goes where it went before. For `main`, before threads are made; a second one beside the first is allowed.
class mapped_file_guard {
 public:
  /// Throws `io_error` when the signal cannot be handled.
  mapped_file_guard();
  ~mapped_file_guard();
  mapped_file_guard(const mapped_file_guard&) = delete;
  mapped_file_guard& operator=(const mapped_file_guard&) = delete;
};

}  // namespace fp
