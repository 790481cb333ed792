#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "app/api/body_decoder.hpp"

namespace fp {

/// Writes a body value by value. Sizes of maps and lists are said beforehand, as MessagePack wants it.
class body_writer {
 public:
  explicit body_writer(body_format format) : json_(format == body_format::json) {}

  body_writer& begin_map(size_t size);
  body_writer& end_map();
  body_writer& begin_list(size_t size);
  body_writer& end_list();
  /// A field of the contract: its name, or its first letter in MessagePack.
  body_writer& field(std::string_view name) { return json_ ? json_key(name) : string_bytes(name.substr(0, 1)); }
  body_writer& full_field(std::string_view name) { return json_ ? json_key(name) : string_bytes(name); }
  /// A name that comes from a client.
  body_writer& free_field(std::string_view name);
  body_writer& number(uint64_t n);
  /// Finite.
  body_writer& decimal(double x);
  body_writer& null();
  body_writer& boolean(bool b);
  body_writer& text(std::string_view s);
  std::string take() { return std::move(out_); }

 private:
  void begin(size_t size, char bracket, uint8_t fixed, uint8_t tag16);
  body_writer& end(char bracket);
  void separate();
  void value_begins();
  body_writer& json_key(std::string_view name);
  void json_text(std::string_view s);
  void big_endian(uint8_t tag, uint64_t n, int bytes);
  body_writer& string_bytes(std::string_view s);

  const bool json_;
  bool first_ = true, after_key_ = false;
  std::string out_;
};

}  // namespace fp
