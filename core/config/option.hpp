#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "core/segment/load_mode.hpp"

namespace fp {

/// A TCP port from the configuration: a number (0: pick a free one) or off. "any" is the word for 0.
struct port_setting {
  bool enabled = true;
  uint16_t port = 0;

  friend bool operator==(const port_setting&, const port_setting&) = default;
};

/// What holds the value of a setting.
using setting = std::variant<bool*, uint32_t*, uint64_t*, std::string*, load_mode*, port_setting*>;

/// A value as it was found, before it is known which type it should have.
struct found_value {
  enum class form {
    number,   ///< of JSON, as written
    string,   ///< of JSON
    boolean,  ///< of JSON: "true" or "false"
    other,    ///< of JSON, described: "null", "an array", "an object"
    bare,     ///< from the command line
  };
  form kind = form::bare;
  std::string_view text;
};

/// All that is known of one setting.
struct option {
  std::string_view key;  ///< in the JSON file, e.g. "max_concurrent_loads"
  std::string flag;      ///< on the command line, e.g. "--load-concurrency"
  setting target;
  uint64_t min = 0, max = 0;                  ///< whole numbers
  bool (*valid)(std::string_view) = nullptr;  ///< strings
  std::string allowed;                        ///< e.g. "1 to 256"
  std::string_view help;                      ///< one line
  bool is_secret = false;                     ///< strings: may hold a password, and is not shown
  bool zero_is_off = false;                   ///< ports: 0 does not listen, and "any" picks a free one
  bool is_on_off() const noexcept { return std::holds_alternative<bool*>(target); }

  bool may_change = false;  ///< a running node takes another value when it is told to read again
};

/// Sets the value. Throws `invalid_configuration`: "found ..., allowed ..." without the key.
void assign(const option& o, const found_value& found);

/// The value as it would be written in the file without quotes.
std::string value_text(const option& o);
/// A value, as `value_text` writes it, for people and logs.
std::string shown_value(const option& o, const std::string& value);

}  // namespace fp
