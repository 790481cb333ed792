#pragma once

#include <cstdint>

namespace fp {

/// How a search counted what it found: most of the postings of long ranges need not be read.
struct counting_work {
  uint64_t counted = 0;    ///< postings counted in the table of all documents
  uint64_t walked = 0;     ///< postings of long ranges whose documents were looked up in that table
  uint64_t looked_up = 0;  ///< documents that were looked up in a long range
  uint64_t in_cells = 0;   ///< postings of long ranges counted in a cell for each id of a window
  uint64_t in_slots = 0;   ///< the same in windows of ids that lie far apart
};

}  // namespace fp
