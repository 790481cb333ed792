#pragma once

#include <string>

#include "core/fpindex/message_pack.hpp"
#include "core/fpindex/snapshot_header.hpp"
#include "core/fs/file_system.hpp"

namespace fp::fpindex {

/// Reads a snapshot stream (see `snapshot_header`), file by file. What the server has in its log or in memory is
/// not in there.
class snapshot_reader {
 public:
  /// Reads the header. The stream must outlive the reader. Throws `corrupt_data` (with the offset in the stream)
  /// and what the stream throws.
  snapshot_reader(const std::string& name, byte_source& stream)
      : in_(name, stream), header_(read_snapshot_header(in_)) {}

  const snapshot_header& header() const noexcept { return header_; }

  /// Writes the next of the header's files. Throws as above, and `io_error` or `no_space`.
  void copy_file(file_system& fs, const path& to);
  /// After the last one. Throws `corrupt_data` when something follows.
  void finish();

 private:
  message_pack_reader in_;
  snapshot_header header_;
  size_t copied_ = 0;
};

}  // namespace fp::fpindex
