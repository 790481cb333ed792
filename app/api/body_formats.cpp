#include <simdjson.h>

#include "app/api/body_decoder.hpp"

namespace fp {

namespace {

// Deeper than anything that is known, so that unknown fields may nest a little; far from what the stack bears.
constexpr int max_depth = 64;

namespace ondemand = simdjson::ondemand;

/// Walks all of a JSON text, unknown parts included: the lazy parser checks only what it is asked for.
class json_walker {
 public:
  explicit json_walker(body_decoder& out) : out_(out) {}

  bool object(ondemand::object o, int depth) {
    if (depth > max_depth || !out_.begin_object()) return false;
    for (auto member : o) {
      ondemand::field field;
      std::string_view name;
      if (std::move(member).get(field) || field.unescaped_key().get(name)) return false;
      if (!out_.key(name) || !value(field.value(), depth)) return false;
    }
    return out_.end_object();
  }

 private:
  bool array(ondemand::array a, int depth) {
    if (depth > max_depth || !out_.begin_array()) return false;
    for (auto element : a) {
      ondemand::value v;
      if (element.get(v) || !value(v, depth)) return false;
    }
    return out_.end_array();
  }

  bool value(ondemand::value v, int depth) {
    ondemand::json_type type;
    if (v.type().get(type)) return false;
    switch (type) {
      case ondemand::json_type::number: {
        uint64_t n = 0;
        if (!v.get_uint64().get(n)) return out_.number(n);
        double d = 0;
        return !v.get_double().get(d) && out_.other_number();
      }
      case ondemand::json_type::string: {
        std::string_view text;
        return !v.get_string().get(text) && out_.text(text);
      }
      case ondemand::json_type::object: {
        ondemand::object o;
        return !v.get_object().get(o) && object(o, depth + 1);
      }
      case ondemand::json_type::array: {
        ondemand::array a;
        return !v.get_array().get(a) && array(a, depth + 1);
      }
      case ondemand::json_type::boolean: {
        bool b = false;
        return !v.get_bool().get(b) && out_.boolean(b);
      }
      case ondemand::json_type::null: {
        bool is_null = false;
        return !v.is_null().get(is_null) && is_null && out_.null();
      }
    }
    return false;
  }

  body_decoder& out_;
};

bool decode_json(std::string_view body, body_decoder& decoder) {
  thread_local ondemand::parser parser;
  thread_local std::string padded;
  padded.reserve(body.size() + simdjson::SIMDJSON_PADDING);
  padded.assign(body);
  ondemand::document document;
  ondemand::object root;
  const bool ok = !parser.iterate(padded.data(), padded.size(), padded.capacity()).get(document) &&
                  !document.get_object().get(root) && json_walker(decoder).object(root, 1) &&
                  // Nothing may follow.
                  document.current_location().error() == simdjson::OUT_OF_BOUNDS;
  // Both keep their memory for the next body; after a large one it is given back.
  constexpr size_t kept_bytes = 1u << 20;
  if (padded.capacity() > kept_bytes) {
    std::string().swap(padded);
    parser = ondemand::parser();
  }
  return ok;
}

/// Walks all of a MessagePack text, by its specification (github.com/msgpack/msgpack, spec.md). Declared sizes are
/// not believed: nothing is reserved, and what is not there ends the walk.
class msgpack_walker {
 public:
  msgpack_walker(std::string_view body, body_decoder& out) : rest_(body), out_(out) {}

  /// One value, and nothing behind it.
  bool walk() { return value(0) && rest_.empty(); }

 private:
  enum class kind { null, boolean, number, other_number, text, bytes, array, object };
  /// What stands at the head of a value.
  struct header {
    kind what = kind::null;
    uint64_t n = 0;  ///< the number, or how many bytes, elements or entries follow
  };

  bool value(int depth) {
    header h;
    if (!read_header(h)) return false;
    switch (h.what) {
      case kind::null:
        return out_.null();
      case kind::boolean:
        return out_.boolean(h.n != 0);
      case kind::number:
        return out_.number(h.n);
      case kind::other_number:
        return out_.other_number();
      case kind::text: {
        std::string_view text;
        return take(h.n, text) && is_utf8(text) && out_.text(text);
      }
      case kind::bytes: {
        std::string_view bytes;
        return take(h.n, bytes) && out_.other();
      }
      case kind::array:
        if (depth >= max_depth || !out_.begin_array()) return false;
        for (uint64_t i = 0; i < h.n; i++) {
          if (!value(depth + 1)) return false;
        }
        return out_.end_array();
      case kind::object:
        if (depth >= max_depth || !out_.begin_object()) return false;
        for (uint64_t i = 0; i < h.n; i++) {
          if (!key(depth + 1) || !value(depth + 1)) return false;
        }
        return out_.end_object();
    }
    return false;
  }

  /// A key that is no string names nothing that is known, whatever it is.
  bool key(int depth) {
    header h;
    if (!read_header(h)) return false;
    if (h.what != kind::text) return skip(h, depth) && out_.other_key();
    std::string_view name;
    return take(h.n, name) && is_utf8(name) && out_.key(name);
  }

  /// What follows the header of a value that nobody wants.
  bool skip(const header& h, int depth) {
    std::string_view ignored;
    if (h.what == kind::text) return take(h.n, ignored) && is_utf8(ignored);
    if (h.what == kind::bytes) return take(h.n, ignored);
    if (h.what != kind::array && h.what != kind::object) return true;
    if (depth >= max_depth) return false;
    const uint64_t count = h.what == kind::object ? 2 * h.n : h.n;
    for (uint64_t i = 0; i < count; i++) {
      header inner;
      if (!read_header(inner) || !skip(inner, depth + 1)) return false;
    }
    return true;
  }

  bool take(uint64_t size, std::string_view& bytes) {
    if (size > rest_.size()) return false;
    bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }
  /// A number of `width` bytes, most significant first.
  bool take_number(size_t width, uint64_t& n) {
    std::string_view bytes;
    if (!take(width, bytes)) return false;
    n = 0;
    for (const char c : bytes) n = n << 8 | static_cast<uint8_t>(c);
    return true;
  }
  bool sized(kind what, size_t width, header& h) {
    h.what = what;
    return take_number(width, h.n);
  }
  /// A positive number in a signed encoding is the same number.
  bool signed_number(size_t width, header& h) {
    if (!sized(kind::number, width, h)) return false;
    if (h.n >> (8 * width - 1) != 0) h.what = kind::other_number;
    return true;
  }
  bool other_number(size_t width, header& h) { return sized(kind::other_number, width, h); }
  /// An extension: its type stands before its bytes.
  bool extension(uint64_t size, header& h) {
    h = {kind::bytes, size};
    std::string_view type;
    return take(1, type);
  }
  bool sized_extension(size_t width, header& h) {
    uint64_t size = 0;
    return take_number(width, size) && extension(size, h);
  }

  bool read_header(header& h) {
    if (rest_.empty()) return false;
    const auto first = static_cast<uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    if (first < 0x80) return set(h, kind::number, first);
    if (first < 0x90) return set(h, kind::object, first & 0x0f);
    if (first < 0xa0) return set(h, kind::array, first & 0x0f);
    if (first < 0xc0) return set(h, kind::text, first & 0x1f);
    if (first >= 0xe0) return set(h, kind::other_number, 0);
    switch (first) {
      case 0xc0:
        return set(h, kind::null, 0);
      case 0xc2:
      case 0xc3:
        return set(h, kind::boolean, first & 1);
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return sized(kind::bytes, size_t{1} << (first - 0xc4), h);
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return sized_extension(size_t{1} << (first - 0xc7), h);
      case 0xca:
        return other_number(4, h);
      case 0xcb:
        return other_number(8, h);
      case 0xcc:
      case 0xcd:
      case 0xce:
      case 0xcf:
        return sized(kind::number, size_t{1} << (first - 0xcc), h);
      case 0xd0:
      case 0xd1:
      case 0xd2:
      case 0xd3:
        return signed_number(size_t{1} << (first - 0xd0), h);
      case 0xd4:
      case 0xd5:
      case 0xd6:
      case 0xd7:
      case 0xd8:
        return extension(uint64_t{1} << (first - 0xd4), h);
      case 0xd9:
      case 0xda:
      case 0xdb:
        return sized(kind::text, size_t{1} << (first - 0xd9), h);
      case 0xdc:
      case 0xdd:
        return sized(kind::array, size_t{2} << (first - 0xdc), h);
      case 0xde:
      case 0xdf:
        return sized(kind::object, size_t{2} << (first - 0xde), h);
      default:
        return false;
    }
  }
  static bool set(header& h, kind what, uint64_t n) {
    h = {what, n};
    return true;
  }
  static bool is_utf8(std::string_view s) { return simdjson::validate_utf8(s.data(), s.size()); }

  std::string_view rest_;
  body_decoder& out_;
};

bool decode_msgpack(std::string_view body, body_decoder& decoder) { return msgpack_walker(body, decoder).walk(); }

}  // namespace

bool decode_body(std::string_view body, body_format format, body_decoder& decoder) {
  const bool ok = format == body_format::json ? decode_json(body, decoder) : decode_msgpack(body, decoder);
  return ok && decoder.is_complete();
}

}  // namespace fp
