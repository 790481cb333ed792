#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/fpindex/segment_info.hpp"
#include "core/fs/file_system.hpp"

namespace fp::fpindex {

/// An index of a stopped fpindex's data folder (see `data_folder_format.hpp`).
struct stored_index {
  std::string name;
  uint64_t generation = 0;
  bool is_deleted = false;
  path data, oplog;
  std::string damage;  ///< why it cannot be read; else empty
};

/// Whether a file `current` with these contents is fpindex's, damaged perhaps. Ours are text.
bool is_record(std::string_view contents) noexcept;

/// Whether a folder is fpindex's: some index in it is, and none is ours. False also for one that cannot be read.
bool is_data_folder(file_system& fs, const path& root) noexcept;

/// What a folder holds, by name; other things in it are no indexes. Throws `io_error`.
std::vector<stored_index> read_data_folder(file_system& fs, const path& root);

/// The segments that an index's manifest names, oldest first; none without a manifest. Throws `corrupt_data` (also
/// when commits are missing between two of them) or `io_error`.
std::vector<segment_info> read_manifest(file_system& fs, const path& data);

/// Throws `corrupt_data`, beginning with `place`, when segments do not follow each other.
void require_adjacent(const std::vector<segment_info>& segments, const std::string& place);

/// Segment files in an index's folder that its manifest does not name.
std::vector<std::string> unnamed_segments(file_system& fs, const path& data,
                                          const std::vector<segment_info>& named);

}  // namespace fp::fpindex
