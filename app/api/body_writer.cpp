#include "app/api/body_writer.hpp"

#include <bit>
#include <charconv>
#include <nlohmann/json.hpp>

namespace fp {

body_writer& body_writer::begin_map(size_t size) {
  begin(size, '{', 0x80, 0xde);
  return *this;
}

body_writer& body_writer::begin_list(size_t size) {
  begin(size, '[', 0x90, 0xdc);
  return *this;
}

body_writer& body_writer::end_map() { return end('}'); }
body_writer& body_writer::end_list() { return end(']'); }

void body_writer::begin(size_t size, char bracket, uint8_t fixed, uint8_t tag16) {
  value_begins();
  if (json_) {
    out_ += bracket;
  } else if (size < 16) {
    out_ += static_cast<char>(fixed | size);
  } else if (size <= UINT16_MAX) {
    big_endian(tag16, size, 2);
  } else {
    big_endian(static_cast<uint8_t>(tag16 + 1), size, 4);
  }
  first_ = true;
}

body_writer& body_writer::end(char bracket) {
  if (json_) out_ += bracket;
  first_ = false;
  return *this;
}

body_writer& body_writer::free_field(std::string_view name) {
  if (!json_) return string_bytes(name);
  separate();
  json_text(name);
  out_ += ':';
  after_key_ = true;
  return *this;
}

body_writer& body_writer::number(uint64_t n) {
  value_begins();
  if (json_) {
    char digits[20];
    out_.append(digits, std::to_chars(digits, digits + sizeof digits, n).ptr);
  } else if (n < 0x80) {
    out_ += static_cast<char>(n);
  } else if (n <= UINT8_MAX) {
    big_endian(0xcc, n, 1);
  } else if (n <= UINT16_MAX) {
    big_endian(0xcd, n, 2);
  } else if (n <= UINT32_MAX) {
    big_endian(0xce, n, 4);
  } else {
    big_endian(0xcf, n, 8);
  }
  return *this;
}

body_writer& body_writer::decimal(double x) {
  value_begins();
  if (json_) {
    char digits[32];
    out_.append(digits, std::to_chars(digits, digits + sizeof digits, x).ptr);
  } else {
    big_endian(0xcb, std::bit_cast<uint64_t>(x), 8);
  }
  return *this;
}

body_writer& body_writer::null() {
  value_begins();
  if (json_) {
    out_ += "null";
  } else {
    out_ += static_cast<char>(0xc0);
  }
  return *this;
}

body_writer& body_writer::boolean(bool b) {
  value_begins();
  if (json_) {
    out_ += b ? "true" : "false";
  } else {
    out_ += static_cast<char>(b ? 0xc3 : 0xc2);
  }
  return *this;
}

body_writer& body_writer::text(std::string_view s) {
  value_begins();
  if (!json_) return string_bytes(s);
  json_text(s);
  return *this;
}

void body_writer::separate() {
  if (!first_) out_ += ',';
  first_ = false;
}

void body_writer::value_begins() {
  if (!json_ || out_.empty()) return;
  if (!std::exchange(after_key_, false)) separate();
}

body_writer& body_writer::json_key(std::string_view name) {
  separate();
  ((out_ += '"') += name) += "\":";
  after_key_ = true;
  return *this;
}

void body_writer::json_text(std::string_view s) {
  out_ += nlohmann::json(s).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void body_writer::big_endian(uint8_t tag, uint64_t n, int bytes) {
  out_ += static_cast<char>(tag);
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out_ += static_cast<char>(n >> shift);
}

body_writer& body_writer::string_bytes(std::string_view s) {
  if (s.size() < 32) {
    out_ += static_cast<char>(0xa0 | s.size());
  } else if (s.size() <= UINT8_MAX) {
    big_endian(0xd9, s.size(), 1);
  } else if (s.size() <= UINT16_MAX) {
    big_endian(0xda, s.size(), 2);
  } else {
    big_endian(0xdb, s.size(), 4);
  }
  out_ += s;
  return *this;
}

}  // namespace fp
