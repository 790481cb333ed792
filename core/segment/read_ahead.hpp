#pragma once

#include <cstddef>
#include <span>

#include "core/segment/segment.hpp"

namespace fp {

/// Has bytes of a segment come from the disk before they are read, for who reads them in order: a mapped file does
/// not expect such a reader. At any time at most two windows are on their way or unread.
class read_ahead {
 public:
  static constexpr size_t window = size_t{1} << 20;

  explicit read_ahead(const segment& of) noexcept : read_ahead(of, of.bytes(), window) {}
  /// For who reads no more than a part of its bytes, in windows of another size.
  read_ahead(const segment& of, std::span<const std::byte> part, size_t window_bytes) noexcept
      : of_(of), end_(part.data() + part.size()), window_(window_bytes) {}

  /// The reader has come to `at`, which lies in what it reads, or is its end. Costs next to nothing.
  void reached(const std::byte* at) noexcept {
    if (at >= next_) ask(at);
  }

 private:
  void ask(const std::byte* at) noexcept;

  const segment& of_;
  const std::byte* end_;
  size_t window_;
  const std::byte* next_ = nullptr;   ///< where to ask again
  const std::byte* asked_ = nullptr;  ///< up to here
};

}  // namespace fp
