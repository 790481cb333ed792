#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace fp {

/// A file of `app/page/` as the program carries it.
struct embedded_file {
  std::string_view name;  ///< without a folder
  const unsigned char* bytes;
  size_t size;
};

/// Defined in a source that `cmake/embed_files.cmake` writes.
std::span<const embedded_file> embedded_files();

}  // namespace fp
