#include "core/base/json_syntax_error.hpp"

#include <algorithm>

#include "core/base/printable.hpp"

namespace fp {

json_syntax_error locate_json_error(std::string_view text, size_t position, const nlohmann::json::exception& e) {
  // `position` counts the bytes read so far, the offending one included; one past the text at its end.
  const std::string_view before = text.substr(0, std::min(position - (position != 0), text.size()));
  json_syntax_error found;
  found.line = 1 + static_cast<size_t>(std::count(before.begin(), before.end(), '\n'));
  const size_t line_start = before.rfind('\n') + 1;  // npos + 1 is 0
  found.column = before.size() - line_start + 1;

  // "[json.exception...] parse error at line 1, column 2: reason; last read: '...'"
  std::string_view reason = e.what();
  if (const size_t at = reason.find("column "); at != std::string_view::npos) {
    if (const size_t colon = reason.find(": ", at); colon != std::string_view::npos)
      reason.remove_prefix(colon + 2);
  }
  found.reason = printable(reason, 160);
  return found;
}

}  // namespace fp
