#include "core/fpindex/data_folder_format.hpp"

#include <algorithm>

namespace fp::fpindex {

std::string generation_folder(uint64_t generation) {
  const std::string digits = std::to_string(generation);
  return "v" + std::string(6 - std::min<size_t>(digits.size(), 6), '0') + digits;
}

}  // namespace fp::fpindex
