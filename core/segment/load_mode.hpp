#pragma once

namespace fp {

/// How `open_segment` gets at a file's bytes.
enum class load_mode {
  map,   ///< memory-mapped: pages belong to the page cache
  read,  ///< read into aligned memory of our own
  disk,  ///< memory-mapped, and expected to find no room in memory
};

}  // namespace fp
