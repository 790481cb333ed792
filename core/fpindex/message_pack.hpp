#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/fpindex/byte_source.hpp"

/// MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md) as fpindex's files use it: read as a
/// stream, value by value, whatever the size of the whole, and written into memory.
namespace fp::fpindex {

/// Reads values in their order; who calls says which one must come. Everything else throws `corrupt_data` as a
/// `located_error`: the message begins with the given name and names the offset. Memory is bounded by a buffer and
/// the longest string that is asked for.
class message_pack_reader {
 public:
  static constexpr size_t default_buffer_bytes = size_t{64} << 10;

  /// Of bytes that outlive the reader. `offset` is where they begin, for messages.
  message_pack_reader(std::string name, std::span<const std::byte> bytes, uint64_t offset = 0);
  /// Of a stream that outlives the reader. It is read ahead by up to `buffer_bytes`.
  message_pack_reader(std::string name, byte_source& source, uint64_t offset = 0,
                      size_t buffer_bytes = default_buffer_bytes);
  message_pack_reader(const message_pack_reader&) = delete;
  message_pack_reader& operator=(const message_pack_reader&) = delete;

  /// Of the next byte.
  uint64_t offset() const noexcept { return offset_ + at_; }
  /// Whether nothing follows.
  bool at_end() { return at_ == bytes_.size() && !fill(1); }

  /// An integer of any width and signedness that is at most `max`, and not negative.
  uint64_t number(uint64_t max = UINT64_MAX);
  uint32_t number32() { return static_cast<uint32_t>(number(UINT32_MAX)); }
  std::optional<uint64_t> number_or_nil();
  bool boolean();
  /// The number of elements that follow, or of pairs.
  uint32_t array_header();
  uint32_t map_header();
  std::string string(size_t max_bytes);
  /// The key of a struct's field, of which only the first letter counts; '\0' for an empty one.
  char field();
  /// Skips one value with all that it holds. Nesting is bounded.
  void skip();
  /// Bytes that are no MessagePack.
  void raw(std::span<std::byte> out);

  /// Throws `corrupt_data` of the value that begins at `offset`.
  [[noreturn]] void fail_at(uint64_t offset, const std::string& what) const;

 private:
  bool fill(size_t count);
  /// The next `count` bytes (at most a buffer); valid until the next call.
  const std::byte* take(size_t count);
  uint64_t big_endian(size_t width);
  uint8_t peek();
  void skip_bytes(uint64_t count);
  void skip(unsigned depth);
  uint32_t header(uint8_t fix_mask, uint8_t fix_tag, uint8_t tag16, const char* what);
  uint32_t string_header();
  [[noreturn]] void expected(const char* what);

  std::string name_;
  byte_source* source_ = nullptr;
  std::vector<std::byte> buffer_;     ///< of a stream
  std::span<const std::byte> bytes_;  ///< what is there, from `offset_` on
  size_t at_ = 0;
  uint64_t offset_ = 0;
};

/// Appends values in their shortest encoding.
class message_pack_writer {
 public:
  explicit message_pack_writer(std::vector<std::byte>& out) : out_(out) {}

  void number(uint64_t value);
  void nil() { byte(0xc0); }
  void boolean(bool value) { byte(value ? 0xc3 : 0xc2); }
  void array_header(uint32_t size);
  void map_header(uint32_t size);
  void string(std::string_view text);
  void raw(std::span<const std::byte> bytes) { out_.insert(out_.end(), bytes.begin(), bytes.end()); }

 private:
  void byte(uint8_t value) { out_.push_back(std::byte{value}); }
  void big_endian(uint8_t tag, uint64_t value, size_t width);

  std::vector<std::byte>& out_;
};

}  // namespace fp::fpindex
