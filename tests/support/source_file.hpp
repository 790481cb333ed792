#pragma once

#include <string>

namespace fp::test {

/// The path of a file of the project's that tests read, e.g. of "config/fpnode.json".
std::string source_file(const std::string& relative);

}  // namespace fp::test
