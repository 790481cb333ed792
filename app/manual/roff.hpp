#pragma once

#include <string>

namespace fp::manual {

/// Text that a formatter of man(7) prints as it is.
std::string roff(const std::string& text);

/// The first line of a page.
std::string title(const std::string& name, int section, const std::string& version);

}  // namespace fp::manual
