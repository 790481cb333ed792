#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/aligned_memory.hpp"
#include "core/commit/changes.hpp"
#include "core/fs/file_system.hpp"

namespace fp {

/// Whole frames of one log file, as they were read, and the commits that lie in them. Its memory is kept when it is
/// filled again.
struct log_slice {
  struct frame {
    uint64_t offset = 0;   ///< in the file
    size_t first = 0;      ///< position of its first commit in `commits`
    commit_id before = 0;  ///< the commit before those of the frame
  };

  path file;
  aligned_memory bytes;
  std::vector<commit_view> commits;  ///< one behind the other; they point into `bytes`
  std::vector<frame> frames;         ///< those that have commits in `commits`
};

/// A commit with a copy of its changes.
inline commit owned(const commit_view& c) {
  return {c.previous, c.id, std::make_shared<const std::vector<uint8_t>>(c.changes.begin(), c.changes.end())};
}

}  // namespace fp
