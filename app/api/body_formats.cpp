#include <simdjson.h>

#include <nlohmann/json.hpp>

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

/// Passes on what nlohmann's parser finds. Declared sizes are not believed: nothing is reserved.
class msgpack_events {
 public:
  using json = nlohmann::json;
  using number_integer_t = json::number_integer_t;
  using number_unsigned_t = json::number_unsigned_t;
  using number_float_t = json::number_float_t;
  using string_t = json::string_t;
  using binary_t = json::binary_t;

  explicit msgpack_events(body_decoder& out) : out_(out) {}

  bool null() { return out_.null(); }
  bool boolean(bool b) { return out_.boolean(b); }
  bool number_integer(int64_t n) {
    // A positive number in a signed encoding is the same number.
    return n >= 0 ? out_.number(static_cast<uint64_t>(n)) : out_.other_number();
  }
  bool number_unsigned(uint64_t n) { return out_.number(n); }
  bool number_float(double, const std::string&) { return out_.other_number(); }
  bool string(std::string& s) { return is_utf8(s) && out_.text(s); }
  bool binary(binary_t&) { return out_.other(); }
  bool start_object(size_t) { return ++depth_ <= max_depth && out_.begin_object(); }
  bool key(std::string& s) { return is_utf8(s) && out_.key(s); }
  bool end_object() {
    depth_--;
    return out_.end_object();
  }
  bool start_array(size_t) { return ++depth_ <= max_depth && out_.begin_array(); }
  bool end_array() {
    depth_--;
    return out_.end_array();
  }
  bool parse_error(size_t, const std::string&, const nlohmann::json::exception&) { return false; }

 private:
  static bool is_utf8(const std::string& s) { return simdjson::validate_utf8(s.data(), s.size()); }

  body_decoder& out_;
  int depth_ = 0;
};

bool decode_msgpack(std::string_view body, body_decoder& decoder) {
  msgpack_events events(decoder);
  const auto* bytes = reinterpret_cast<const uint8_t*>(body.data());
  return nlohmann::json::sax_parse(bytes, bytes + body.size(), &events, nlohmann::json::input_format_t::msgpack);
}

}  // namespace

bool decode_body(std::string_view body, body_format format, body_decoder& decoder) {
  const bool ok = format == body_format::json ? decode_json(body, decoder) : decode_msgpack(body, decoder);
  return ok && decoder.is_complete();
}

}  // namespace fp
