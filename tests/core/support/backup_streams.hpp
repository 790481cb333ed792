#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "core/backup/backup_format.hpp"
#include "core/backup/backup_restorer.hpp"
#include "core/backup/backup_writer.hpp"
#include "core/index/data_folder.hpp"

namespace fp::test {

using byte_vector = std::vector<std::byte>;

/// Gives a backup to a restorer or reader, `piece` bytes at a time. Returns what it says of itself.
template <class Taker>
backup_format::stream_header feed(Taker& taker, std::span<const std::byte> stream, size_t piece = 4000) {
  for (size_t at = 0; at < stream.size(); at += piece) {
    taker.update(stream.subspan(at, std::min(piece, stream.size() - at)));
  }
  return taker.finish();
}

struct restored_index {
  index_record record;
  backup_format::stream_header backup;
};

/// Restores a backup as an index of a data folder, or leaves nothing.
inline restored_index restore_index(data_folder& folder, file_system& fs, const std::string& name,
                                    std::span<const std::byte> stream) {
  const auto staged = folder.stage(name);
  try {
    backup_restorer restorer(fs, staged.folders);
    const auto backup = feed(restorer, stream);
    folder.publish(staged);
    return {staged.record, backup};
  } catch (...) {
    folder.discard(staged.number);
    throw;
  }
}

inline byte_vector read_all(backup_writer& writer) {
  byte_vector stream;
  for (;;) {
    const auto chunk = writer.next();
    if (chunk.empty()) return stream;
    stream.insert(stream.end(), chunk.begin(), chunk.end());
  }
}

}  // namespace fp::test
