#pragma once

#include <cstdint>

#include "core/fs/file_system.hpp"

namespace fp {

/// Of a disk, in bytes; `available` is what this process may still write.
struct disk_space {
  uint64_t total = 0, available = 0;
};

/// Of the disk that a folder lies on. Throws `io_error` when it cannot be told.
disk_space space_of(const path& folder);

/// Throws `no_space` when a merge that writes up to `bytes` would leave less than what others need: `spare_bytes`,
/// and a twentieth of the disk, at most 256 MiB. A merge can wait; a checkpoint and the log cannot, because writers
/// wait for them.
void require_merge_room(const disk_space& space, uint64_t bytes, uint64_t spare_bytes);

}  // namespace fp
