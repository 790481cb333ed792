#pragma once

#include <cstdint>

#include "core/base/types.hpp"

namespace fp {

/// One log file, as replay found it or as appending left it.
struct logged_file {
  commit_id begin = 0;  ///< see `oplog_format.hpp`
  uint64_t bytes = 0;
};

}  // namespace fp
