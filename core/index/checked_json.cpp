#include "core/index/checked_json.hpp"

#include <algorithm>
#include <utility>

#include "core/base/checksum.hpp"
#include "core/base/format_version.hpp"
#include "core/base/json_syntax_error.hpp"

namespace fp {

namespace {

using nlohmann::json;

// More than our files need, and little enough that code which recurses over the value is safe.
constexpr int max_depth = 8;

[[noreturn]] void corrupt(const path& file, const std::string& what) {
  throw error(errc::corrupt_data, file.string() + ": " + what);
}

}  // namespace

std::string dump_checked_json(json object, uint64_t format_version) {
  object["format_version"] = format_version;
  object["checksum"] = to_hex16(checksum(object.dump()));
  return object.dump() + "\n";
}

json parse_checked_json(const std::string& text, format_versions known, const path& file, uint64_t* found) {
  json object;
  try {
    object = json::parse(text, [&](int depth, json::parse_event_t, json&) {
      if (depth > max_depth) corrupt(file, "nested too deeply");
      return true;
    });
  } catch (const json::parse_error& e) {
    const auto where = locate_json_error(text, e.byte, e);
    corrupt(file, "no JSON at line " + std::to_string(where.line) + ", column " + std::to_string(where.column) +
                      ": " + where.reason);
  } catch (const json::exception&) {
    corrupt(file, "a number that is too large");
  }
  if (!object.is_object()) corrupt(file, "not a JSON object");
  const uint64_t expected = json_reader(object, file).get_hex("checksum");
  object.erase("checksum");
  if (checksum(object.dump()) != expected) corrupt(file, "the contents do not match their checksum");
  const uint64_t version = json_reader(object, file).get_number("format_version");
  if (version < known.oldest || version > known.newest) {
    throw error(errc::unsupported_format,
                file.string() + ": " + unknown_version_text(version, known.oldest, known.newest));
  }
  if (found != nullptr) *found = version;
  // Parsers let white space, zeros behind the end and other spellings of the same pass.
  json written = object;
  written.erase("format_version");
  if (dump_checked_json(written, version) != text) corrupt(file, "is not spelt as it was written");
  return written;
}

json_reader::json_reader(const json& object, const path& file, std::string where)
    : object_(object), file_(file), where_(std::move(where)) {
  if (!object_.is_object()) fail("", "is not an object");
}

uint64_t json_reader::get_number(const char* key, uint64_t max) const {
  const json& value = at(key);
  if (!value.is_number_unsigned()) fail(key, "is not an unsigned number");
  if (value.get<uint64_t>() > max) fail(key, "is out of range");
  return value.get<uint64_t>();
}

bool json_reader::get_bool(const char* key) const {
  const json& value = at(key);
  if (!value.is_boolean()) fail(key, "is not true or false");
  return value.get<bool>();
}

const std::string& json_reader::get_string(const char* key) const {
  const json& value = at(key);
  if (!value.is_string()) fail(key, "is not a string");
  return value.get_ref<const std::string&>();
}

uint64_t json_reader::get_hex(const char* key) const {
  const auto value = parse_hex16(get_string(key));
  if (!value) fail(key, "is not 16 hex digits");
  return *value;
}

const json& json_reader::get_array(const char* key) const {
  const json& value = at(key);
  if (!value.is_array()) fail(key, "is not an array");
  return value;
}

void json_reader::expect_only(std::initializer_list<std::string_view> keys) const {
  for (const auto& [key, value] : object_.items()) {
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) fail(key, "is not a known field");
  }
}

const json& json_reader::at(const char* key) const {
  const auto found = object_.find(key);
  if (found == object_.end()) fail(key, "is missing");
  return *found;
}

void json_reader::fail(std::string_view key, std::string_view what) const {
  corrupt(file_, "field \"" + where_ + std::string(key) + "\" " + std::string(what));
}

}  // namespace fp
