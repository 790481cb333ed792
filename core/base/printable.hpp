#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace fp {

/// `text` made fit for a one-line message: control characters and bytes that are not UTF-8 are escaped (\n, \x1b),
/// and what does not fit into `max_bytes` of output is replaced by "...".
std::string printable(std::string_view text, size_t max_bytes = 60);

/// `printable` in double quotes; quotes and backslashes inside are escaped.
std::string quoted(std::string_view text, size_t max_bytes = 60);

}  // namespace fp
