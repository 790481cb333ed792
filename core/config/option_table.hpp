#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/config/config.hpp"

namespace fp {

/// A member of a `config`.
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

/// The internal form of a line of the option table: everything that is known of one setting.
struct option {
  std::string_view key;
  std::string flag;
  setting (*bind)(config&);
  uint64_t min = 0, max = 0;                  ///< whole numbers
  bool (*valid)(std::string_view) = nullptr;  ///< strings
  std::string allowed;
  std::string_view help;
};

/// All options, in the order of `struct config`.
const std::vector<option>& option_table();

/// Sets one member. Throws `invalid_configuration`: "found ..., allowed ..." without the key.
void assign(const option& o, config& c, const found_value& found);

/// The value of a member, as it would be written in the file without quotes.
std::string value_text(const option& o, const config& c);

/// Checks a member that is already set. Same errors as `assign`.
void check(const option& o, const config& c);

}  // namespace fp
