#pragma once

#include <cstdint>
#include <string>

namespace fp {

/// What is wrong with a file whose format version is not one from `oldest` to `newest`.
inline std::string unknown_version_text(uint64_t found, uint64_t oldest, uint64_t newest) {
  std::string known = std::to_string(newest);
  if (oldest < newest) known = std::to_string(oldest) + " to " + known;
  return "format version " + std::to_string(found) + "; this program knows " + known;
}

}  // namespace fp
