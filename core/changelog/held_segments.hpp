#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "core/fs/file_system.hpp"

namespace fp {

/// Whole segments of a base that broke off, in a folder: what they hold needs not come again, from whomever.
class held_segments {
 public:
  /// More than a question for the rest has room for.
  static constexpr size_t max_segments = 256;

  /// Looks at what is in the folder, which may be missing. Throws `io_error`.
  held_segments(file_system& fs, path folder);

  /// Of each, by `backup_format::segment_id`; of too many the largest.
  const std::vector<uint64_t>& ids() const noexcept { return ids_; }
  uint64_t num_bytes(uint64_t id) const { return files_.at(id).num_bytes; }
  /// Throws `io_error`.
  std::unique_ptr<readable_file> open(uint64_t id) const;
  /// Has it no more: it takes room on the disk, and is in another place by now.
  void drop(uint64_t id);

 private:
  struct held_file {
    path file;
    uint64_t num_bytes = 0;
  };

  file_system& fs_;
  std::map<uint64_t, held_file> files_;
  std::vector<uint64_t> ids_;
};

}  // namespace fp
