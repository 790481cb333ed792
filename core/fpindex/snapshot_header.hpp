#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "core/fpindex/message_pack.hpp"
#include "core/fpindex/segment_info.hpp"

namespace fp::fpindex {

/// What stands before the segment files in a snapshot stream of fpindex (`GET /:index/_snapshot`, source
/// acoustid/acoustid-index, `src/snapshot.zig`): a map `{f: 1, g: generation, s: [{i: SegmentInfo, s: bytes}]}`.
/// The files follow, oldest first, and nothing behind them.
struct snapshot_header {
  struct file {
    segment_info info;
    uint64_t num_bytes = 0;

    friend bool operator==(const file&, const file&) = default;
  };

  uint64_t generation = 0;
  std::vector<file> files;

  /// Of all files. Saturates.
  uint64_t num_file_bytes() const noexcept;
  /// The version of an index that consists of them; 0 of none.
  uint64_t index_version() const noexcept;

  friend bool operator==(const snapshot_header&, const snapshot_header&) = default;
};

/// Leaves the reader at the first file's first byte. Throws `corrupt_data` with the offset, also for another format
/// than 1, generation 0 and segments whose commits do not tile.
snapshot_header read_snapshot_header(message_pack_reader& in);
void write(const snapshot_header& header, message_pack_writer& out);

/// Calls `take` with the next `count` bytes of the files, in pieces; throws `corrupt_data` when they are fewer.
void read_file_bytes(message_pack_reader& in, uint64_t count,
                     const std::function<void(std::span<const std::byte>)>& take);
/// Throws `corrupt_data` when something follows the files.
void require_end_of_files(message_pack_reader& in);

}  // namespace fp::fpindex
