#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "core/backup/backup_format.hpp"
#include "core/base/cancel.hpp"
#include "core/fs/file_system.hpp"
#include "core/index/data_folder.hpp"

namespace fp {

/// Where a backup is read from, front to back: a file, a pipe, a connection.
class backup_source {
 public:
  virtual ~backup_source() = default;
  /// Reads up to `out.size()` bytes, which is at least one, and returns the count; 0 only at the end. Waits for
  /// bytes. Throws `fp::error`.
  virtual size_t read(std::span<std::byte> out) = 0;
};

/// Restores a backup into the folders of a generation, which must exist and be empty: segment files, all durable
/// and read back, then the manifest. No log is written: the index goes on with the commit after the backup's
/// version. Memory does not grow with the backup, whatever it claims to hold. Returns what the backup says of
/// itself.
///
/// Throws `corrupt_data` or `unsupported_format` with the offset in the stream and the reason, what the source
/// throws (with the offset), `index_already_exists` when a folder is not empty, `io_error`, `no_space` or
/// `cancelled`. What was written by then is removed.
backup_format::stream_header restore_backup(file_system& fs, backup_source& source, const index_folders& target,
                                            const cancel_flag* cancel = nullptr);

/// What `restore_index` made, and of what.
struct restored_index {
  index_record record;
  backup_format::stream_header backup;
};

/// Restores a backup as an index of that name: the next generation, which appears whole and durable, or not at all.
/// Throws like `restore_backup` and `data_folder::create_filled`; when the index exists, nothing is read.
restored_index restore_index(data_folder& folder, const std::string& name, backup_source& source,
                             const cancel_flag* cancel = nullptr);

}  // namespace fp
