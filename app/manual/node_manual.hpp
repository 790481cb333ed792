#pragma once

#include <string>

namespace fp::manual {

/// The manual page fpnode(8), of the settings that --help shows.
std::string node_page(const std::string& version);

}  // namespace fp::manual
