#include "core/fpindex/message_pack.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/base/located_error.hpp"

namespace fp::fpindex {

namespace {

// Deeper nesting than any of fpindex's formats has.
constexpr unsigned max_nesting = 32;

enum tag : uint8_t {
  tag_nil = 0xc0,
  tag_false = 0xc2,
  tag_true = 0xc3,
  tag_bin8 = 0xc4,
  tag_bin16 = 0xc5,
  tag_bin32 = 0xc6,
  tag_ext8 = 0xc7,
  tag_ext16 = 0xc8,
  tag_ext32 = 0xc9,
  tag_float32 = 0xca,
  tag_float64 = 0xcb,
  tag_uint8 = 0xcc,
  tag_uint64 = 0xcf,
  tag_int8 = 0xd0,
  tag_int64 = 0xd3,
  tag_fixext1 = 0xd4,
  tag_fixext16 = 0xd8,
  tag_str8 = 0xd9,
  tag_str16 = 0xda,
  tag_str32 = 0xdb,
  tag_array16 = 0xdc,
  tag_array32 = 0xdd,
  tag_map16 = 0xde,
  tag_map32 = 0xdf,
};

}  // namespace

message_pack_reader::message_pack_reader(std::string name, std::span<const std::byte> bytes, uint64_t offset)
    : name_(std::move(name)), bytes_(bytes), offset_(offset) {}

message_pack_reader::message_pack_reader(std::string name, byte_source& source, uint64_t offset,
                                         size_t buffer_bytes)
    : name_(std::move(name)), source_(&source), buffer_(buffer_bytes), offset_(offset) {}

void message_pack_reader::fail_at(uint64_t offset, const std::string& what) const {
  throw located_error(errc::corrupt_data, name_ + ": offset " + std::to_string(offset) + ": " + what, offset);
}

bool message_pack_reader::fill(size_t count) {
  if (source_ == nullptr) return bytes_.size() - at_ >= count;
  size_t kept = bytes_.size() - at_;
  if (kept >= count) return true;
  if (kept > 0) std::memmove(buffer_.data(), bytes_.data() + at_, kept);
  offset_ += at_;
  at_ = 0;
  while (kept < count) {
    const size_t more = source_->read(std::span(buffer_).subspan(kept));
    kept += more;
    if (more == 0) break;
  }
  bytes_ = std::span<const std::byte>(buffer_).first(kept);
  return kept >= count;
}

const std::byte* message_pack_reader::take(size_t count) {
  if (bytes_.size() - at_ < count && !fill(count)) fail_at(offset_ + bytes_.size(), "ends within a value");
  const auto* const at = bytes_.data() + at_;
  at_ += count;
  return at;
}

uint64_t message_pack_reader::big_endian(size_t width) {
  const auto* const at = take(width);
  uint64_t value = 0;
  for (size_t i = 0; i < width; i++) value = value << 8 | std::to_integer<uint64_t>(at[i]);
  return value;
}

uint8_t message_pack_reader::peek() {
  if (at_end()) fail_at(offset(), "ends where a value should begin");
  return std::to_integer<uint8_t>(bytes_[at_]);
}

void message_pack_reader::expected(const char* what) {
  const uint8_t found = peek();
  constexpr char digits[] = "0123456789abcdef";
  fail_at(offset(),
          std::string("expected ") + what + ", found the byte 0x" + digits[found >> 4] + digits[found & 15]);
}

uint64_t message_pack_reader::number(uint64_t max) {
  const uint64_t begin = offset();
  const uint8_t tag = peek();
  uint64_t value = tag;
  if (tag >= tag_uint8 && tag <= tag_uint64) {
    at_++;
    value = big_endian(size_t{1} << (tag - tag_uint8));
  } else if (tag >= tag_int8 && tag <= tag_int64) {
    at_++;
    const size_t width = size_t{1} << (tag - tag_int8);
    value = big_endian(width);
    if (value >> (8 * width - 1) != 0) fail_at(begin, "a negative number");
  } else if (tag <= 0x7f) {
    at_++;
  } else {
    expected("a number");
  }
  if (value > max) fail_at(begin, "the number " + std::to_string(value) + " is too large");
  return value;
}

std::optional<uint64_t> message_pack_reader::number_or_nil() {
  if (peek() != tag_nil) return number();
  at_++;
  return std::nullopt;
}

bool message_pack_reader::boolean() {
  const uint8_t tag = peek();
  if (tag != tag_true && tag != tag_false) expected("true or false");
  at_++;
  return tag == tag_true;
}

/// Tags of 16 and 32 bits follow each other.
uint32_t message_pack_reader::header(uint8_t fix_mask, uint8_t fix_tag, uint8_t tag16, const char* what) {
  const uint8_t tag = peek();
  const bool is_fix = (tag & fix_mask) == fix_tag;
  if (!is_fix && tag != tag16 && tag != tag16 + 1) expected(what);
  at_++;
  if (is_fix) return tag & static_cast<uint8_t>(~fix_mask);
  return static_cast<uint32_t>(big_endian(tag == tag16 ? 2 : 4));
}

uint32_t message_pack_reader::array_header() { return header(0xf0, 0x90, tag_array16, "an array"); }

uint32_t message_pack_reader::map_header() { return header(0xf0, 0x80, tag_map16, "a map"); }

uint32_t message_pack_reader::string_header() {
  if (peek() != tag_str8) return header(0xe0, 0xa0, tag_str16, "a string");
  at_++;
  return static_cast<uint32_t>(big_endian(1));
}

std::string message_pack_reader::string(size_t max_bytes) {
  const uint64_t begin = offset();
  const uint32_t size = string_header();
  if (size > max_bytes) fail_at(begin, "a string of " + std::to_string(size) + " bytes");
  std::string text;
  // What a damaged length promises need not be there: memory follows what is.
  while (text.size() < size) {
    if (at_end()) fail_at(offset(), "ends within a string");
    const size_t part = std::min<size_t>(size - text.size(), bytes_.size() - at_);
    text.append(reinterpret_cast<const char*>(take(part)), part);
  }
  return text;
}

char message_pack_reader::field() {
  const uint32_t size = string_header();
  if (size == 0) return '\0';
  const char first = static_cast<char>(*take(1));
  skip_bytes(size - 1);
  return first;
}

void message_pack_reader::skip_bytes(uint64_t count) {
  while (count > 0) {
    if (at_end()) fail_at(offset(), "ends within a value");
    const auto part = static_cast<size_t>(std::min<uint64_t>(count, bytes_.size() - at_));
    at_ += part;
    count -= part;
  }
}

void message_pack_reader::skip() { skip(0); }

void message_pack_reader::skip(unsigned depth) {
  if (depth > max_nesting)
    fail_at(offset(), "values within values, more than " + std::to_string(max_nesting) + " deep");
  const uint8_t tag = peek();
  uint64_t values = 0;
  if (tag <= 0x7f || tag >= 0xe0 || tag == tag_nil || tag == tag_false || tag == tag_true) {
    at_++;
  } else if ((tag & 0xf0) == 0x80 || tag == tag_map16 || tag == tag_map32) {
    values = uint64_t{2} * map_header();
  } else if ((tag & 0xf0) == 0x90 || tag == tag_array16 || tag == tag_array32) {
    values = array_header();
  } else if ((tag & 0xe0) == 0xa0 || (tag >= tag_str8 && tag <= tag_str32)) {
    skip_bytes(string_header());
  } else if (tag >= tag_bin8 && tag <= tag_ext32) {
    at_++;
    const bool is_extension = tag >= tag_ext8;
    const uint64_t size = big_endian(size_t{1} << (tag - (is_extension ? tag_ext8 : tag_bin8)));
    skip_bytes(size + (is_extension ? 1 : 0));
  } else if (tag == tag_float32 || tag == tag_float64) {
    skip_bytes(tag == tag_float32 ? 5 : 9);
  } else if (tag >= tag_uint8 && tag <= tag_int64) {
    skip_bytes(1 + (size_t{1} << (tag - (tag >= tag_int8 ? tag_int8 : tag_uint8))));
  } else if (tag >= tag_fixext1 && tag <= tag_fixext16) {
    skip_bytes(2 + (size_t{1} << (tag - tag_fixext1)));
  } else {
    expected("a value");
  }
  for (; values > 0; values--) skip(depth + 1);
}

void message_pack_reader::raw(std::span<std::byte> out) {
  while (!out.empty()) {
    if (at_end()) fail_at(offset(), "ends " + std::to_string(out.size()) + " bytes too early");
    const size_t part = std::min(out.size(), bytes_.size() - at_);
    std::memcpy(out.data(), take(part), part);
    out = out.subspan(part);
  }
}

void message_pack_writer::big_endian(uint8_t tag, uint64_t value, size_t width) {
  byte(tag);
  for (size_t i = width; i > 0; i--) byte(static_cast<uint8_t>(value >> (8 * (i - 1))));
}

void message_pack_writer::number(uint64_t value) {
  if (value <= 0x7f) {
    byte(static_cast<uint8_t>(value));
  } else if (value <= UINT8_MAX) {
    big_endian(tag_uint8, value, 1);
  } else if (value <= UINT16_MAX) {
    big_endian(tag_uint8 + 1, value, 2);
  } else if (value <= UINT32_MAX) {
    big_endian(tag_uint8 + 2, value, 4);
  } else {
    big_endian(tag_uint64, value, 8);
  }
}

void message_pack_writer::array_header(uint32_t size) {
  if (size <= 15) {
    byte(static_cast<uint8_t>(0x90 | size));
  } else {
    const bool is_short = size <= UINT16_MAX;
    big_endian(is_short ? tag_array16 : tag_array32, size, is_short ? 2 : 4);
  }
}

void message_pack_writer::map_header(uint32_t size) {
  if (size <= 15) {
    byte(static_cast<uint8_t>(0x80 | size));
  } else {
    const bool is_short = size <= UINT16_MAX;
    big_endian(is_short ? tag_map16 : tag_map32, size, is_short ? 2 : 4);
  }
}

void message_pack_writer::string(std::string_view text) {
  const size_t size = text.size();
  if (size <= 31) {
    byte(static_cast<uint8_t>(0xa0 | size));
  } else if (size <= UINT8_MAX) {
    big_endian(tag_str8, size, 1);
  } else {
    const bool is_short = size <= UINT16_MAX;
    big_endian(is_short ? tag_str16 : tag_str32, size, is_short ? 2 : 4);
  }
  raw(std::as_bytes(std::span(text)));
}

}  // namespace fp::fpindex
