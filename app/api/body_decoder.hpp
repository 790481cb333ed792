#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/types.hpp"

namespace fp {

/// The two formats of request and response bodies.
enum class body_format : uint8_t { json, msgpack };

/// What a field of a body holds. Unknown fields are skipped; `null` is the same as an absent field.
enum class value_kind : uint8_t { number, boolean, text, object, array };

struct field_spec {
  std::string_view name;
  value_kind kind;
  uint64_t max = UINT64_MAX;  ///< number: the largest that is valid
  uint8_t child = 0;          ///< object, array: its place
};

/// One kind of object or array in a body. MessagePack may name a field by its first letter.
struct place_spec {
  std::span<const field_spec> fields;              ///< of an object
  value_kind elements = value_kind::object;        ///< of an array
  uint8_t child = 0;                               ///< of an array of objects
  bool is_hash_list = false, is_text_map = false;  ///< of an object with any names: texts or null
};

/// Turns the tokens of a body into a request without building a tree, the same for both formats. Each call returns
/// false when the body cannot be decoded. A subclass says by tables what a body looks like and gets the values.
class body_decoder {
 public:
  virtual ~body_decoder() = default;

  bool null();
  bool boolean(bool value);
  bool number(uint64_t value);
  /// A negative or fractional number: valid in JSON and MessagePack, but no field has such a value.
  bool other_number() { return stray(); }
  bool text(std::string_view value);
  bool other() { return stray(); }
  bool key(std::string_view name);
  /// One that is no text, which MessagePack knows. Of a place of texts it is wrong, elsewhere unknown.
  bool other_key();
  bool begin_object();
  bool end_object();
  bool begin_array();
  bool end_array();
  /// True when one whole object has been taken.
  bool is_complete() const { return started_ && frames_.empty() && skipping_ == 0; }

 protected:
  /// `places[0]` is the body itself.
  body_decoder(std::span<const place_spec> places, body_format format) : places_(places), format_(format) {}

  // A value of a known field, or the end of an object or list; false refuses the body.
  virtual bool on_number(uint8_t, size_t, uint64_t) { return false; }
  virtual bool on_boolean(uint8_t, size_t, bool) { return false; }
  virtual bool on_text(uint8_t, size_t, std::string_view) { return false; }
  virtual bool on_text_entry(std::string_view, std::string_view) { return false; }
  virtual bool on_null_entry(std::string_view) { return false; }
  virtual bool on_end(uint8_t) { return true; }
  /// Of the innermost object: whether a field had a value.
  bool has(size_t field) const { return (frames_.back().seen >> field & 1) != 0; }

  std::vector<hash_value> hashes_;  ///< the newest hash list

 private:
  static constexpr size_t unknown = SIZE_MAX, no_field = SIZE_MAX - 1;
  struct frame {
    uint8_t place;
    size_t field = no_field;
    uint32_t seen = 0;
  };
  bool stray();
  /// The field that a value belongs to; null: it is to be skipped, or `ok` says that it is wrong.
  const field_spec* take(value_kind kind, bool& ok);
  bool begin(value_kind kind);

  std::span<const place_spec> places_;
  const body_format format_;
  std::vector<frame> frames_;
  std::string text_key_;
  size_t skipping_ = 0;
  bool started_ = false;
};

/// Feeds a body to a decoder, to its last byte. False when it is not well-formed, nested too deeply, holds text
/// that is not UTF-8, is followed by anything, or was refused.
bool decode_body(std::string_view body, body_format format, body_decoder& decoder);

}  // namespace fp
