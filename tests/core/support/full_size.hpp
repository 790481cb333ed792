#pragma once

#include <cstdlib>
#include <string_view>

namespace fp::test {

/// Whether `FPNODE_FULL_SIZE=1` asks for every case. Otherwise the tests that say so take an even share of them, so
/// that all together end within a minute.
inline bool is_full_size() {
  const char* const value = std::getenv("FPNODE_FULL_SIZE");
  return value != nullptr && std::string_view(value) == "1";
}

}  // namespace fp::test
