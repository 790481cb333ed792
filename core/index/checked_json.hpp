#pragma once

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "core/base/error.hpp"
#include "core/fs/file_system.hpp"

namespace fp {

/// The text of a small JSON file that guards itself: the object, on one line, with `format_version` and with
/// `checksum`, the XXH3-64 (16 hex digits) of the compact dump of the object without that key. Both are the same in
/// every format version (core/FORMATS.md).
std::string dump_checked_json(nlohmann::json object, uint64_t format_version);

/// The format versions that a reader knows.
struct format_versions {
  uint64_t oldest = 1, newest = 1;
};

/// The inverse, without the two keys. `file` is for messages; `found`, if given, becomes the object's version.
/// Throws `corrupt_data` for anything but such an object, byte for byte, whose checksum holds, `unsupported_format`
/// for one that holds and has a version that the reader does not know.
nlohmann::json parse_checked_json(const std::string& text, format_versions known, const path& file,
                                  uint64_t* found = nullptr);

/// Reads the members of a JSON object strictly: each must be there with its type, and no others. Every failure
/// throws `corrupt_data` that names file and field.
class json_reader {
 public:
  /// `where` says which object of the file this is, e.g. "segments[3]."; both must outlive the reader.
  json_reader(const nlohmann::json& object, const path& file, std::string where = {});

  /// An unsigned number of at most `max`.
  uint64_t get_number(const char* key, uint64_t max = UINT64_MAX) const;
  bool get_bool(const char* key) const;
  const std::string& get_string(const char* key) const;
  /// 16 hex digits.
  uint64_t get_hex(const char* key) const;
  const nlohmann::json& get_array(const char* key) const;

  void expect_only(std::initializer_list<std::string_view> keys) const;

 private:
  const nlohmann::json& at(const char* key) const;
  [[noreturn]] void fail(std::string_view key, std::string_view what) const;

  const nlohmann::json& object_;
  const path& file_;
  std::string where_;
};

}  // namespace fp
