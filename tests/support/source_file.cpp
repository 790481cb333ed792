#include "tests/support/source_file.hpp"

namespace fp::test {

std::string source_file(const std::string& relative) { return std::string(FPNODE_SOURCE_TREE "/") + relative; }

}  // namespace fp::test
