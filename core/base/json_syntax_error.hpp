#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace fp {

/// Where and why a text is not JSON. Line and column are 1-based and count bytes.
struct json_syntax_error {
  size_t line = 1, column = 1;
  std::string reason;  ///< one line
};

/// What a SAX handler's `parse_error` was told, in terms of the text that was parsed.
json_syntax_error locate_json_error(std::string_view text, size_t position, const nlohmann::json::exception& e);

}  // namespace fp
