#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace fp {

static_assert(std::endian::native == std::endian::little, "on-disk integers are read as they lie");

/// How many bits a value needs, 0 for 0.
constexpr unsigned bits_for(uint64_t value) noexcept { return static_cast<unsigned>(std::bit_width(value)); }

/// Bytes of `count` values of `width` bits, rounded up to whole bytes.
constexpr uint64_t packed_bytes(uint64_t count, unsigned width) noexcept { return (count * width + 7) / 8; }

/// A read-only array of values of one width (0 to 57 bits, or 64), packed without gaps, least significant bit
/// first. Reading touches up to 8 bytes from a value's first byte on: the array needs 8 readable bytes behind it.
class packed_array {
 public:
  packed_array() = default;
  packed_array(const std::byte* data, unsigned width) noexcept
      : data_(data), width_(width), mask_(width < 64 ? (uint64_t{1} << width) - 1 : ~uint64_t{0}) {}

  uint64_t operator[](uint64_t i) const noexcept { return word_at(i) & mask_; }
  /// A value in the lowest bits, and those behind it above, `bits_of_word` bits in all.
  uint64_t word_at(uint64_t i) const noexcept {
    const uint64_t bit = i * width_;
    uint64_t word;
    std::memcpy(&word, data_ + (bit >> 3), sizeof word);
    return word >> (bit & 7);
  }
  static constexpr unsigned bits_of_word = 57;
  const std::byte* address_of(uint64_t i) const noexcept { return data_ + (i * width_ >> 3); }
  unsigned width() const noexcept { return width_; }

 private:
  const std::byte* data_ = nullptr;
  unsigned width_ = 0;
  uint64_t mask_ = 0;
};

/// Packs values of one width (0 to 56 bits) the way `packed_array` reads them. Values must fit their width. Each
/// `put` may write up to 8 bytes from the current byte on, so 8 writable bytes must follow the last value.
class bit_packer {
 public:
  bit_packer() = default;
  bit_packer(std::byte* out, unsigned width) noexcept : out_(out), width_(width) {}

  void put(uint64_t value) noexcept { put(value, width_); }
  /// Whether two values fit `put_two`, which takes as long as one: each waits for the place of the one before.
  bool takes_two() const noexcept { return 2 * width_ <= max_width; }
  void put_two(uint64_t first, uint64_t second) noexcept { put(first | second << width_, 2 * width_); }
  /// Goes on with so many bits of another packer's, from the first bit of a byte on; 8 bytes behind them can be
  /// read.
  void put_bits(const std::byte* bits, uint64_t count) noexcept {
    const packed_array words(bits, max_width);
    const uint64_t whole = count / max_width;
    bit_packer copy = *this;  // the compiler cannot know that writing bytes leaves it alone
    for (uint64_t i = 0; i < whole; i++) copy.put(words[i], max_width);
    const auto rest = static_cast<unsigned>(count % max_width);
    if (rest > 0) copy.put(words[whole] & ((uint64_t{1} << rest) - 1), rest);
    *this = copy;
  }
  /// The byte that the next value starts in; everything before it is final.
  std::byte* position() const noexcept { return out_; }
  /// Just behind the last byte that holds bits of a value.
  std::byte* end() const noexcept { return out_ + (fill_ > 0 ? 1 : 0); }
  /// Goes on at another address; the bits pending in the current byte come along.
  void move_to(std::byte* out) noexcept {
    out_ = out;
    std::memcpy(out_, &pending_, sizeof pending_);
  }

 private:
  static constexpr unsigned max_width = 56;

  void put(uint64_t value, unsigned width) noexcept {
    pending_ |= value << fill_;
    std::memcpy(out_, &pending_, sizeof pending_);
    fill_ += width;
    out_ += fill_ >> 3;
    pending_ >>= fill_ & ~7u;
    fill_ &= 7;
  }

  std::byte* out_ = nullptr;
  uint64_t pending_ = 0;
  unsigned width_ = 0;
  unsigned fill_ = 0;
};

}  // namespace fp
