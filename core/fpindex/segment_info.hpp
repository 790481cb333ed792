#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/base/types.hpp"
#include "core/fpindex/message_pack.hpp"

namespace fp::fpindex {

/// fpindex's SegmentInfo: the commits from `commit` to `commit + merges`, in fpindex's own dense numbers. Written
/// as an array of the three.
struct segment_info {
  uint64_t commit = 0, merges = 0;
  std::optional<uint64_t> version;  ///< position of the last commit in an upstream's feed; nothing: there is none

  uint64_t last_commit() const noexcept { return commit + merges; }
  /// The version of the index that ends with it.
  uint64_t index_version() const noexcept { return version.value_or(last_commit()); }

  /// Whether no commit lies between the two.
  bool goes_on_behind(const segment_info& older) const noexcept { return commit == older.last_commit() + 1; }

  friend bool operator==(const segment_info&, const segment_info&) = default;
};

/// Throws `corrupt_data`, also for what cannot be: commit 0, and numbers that overflow.
segment_info read_segment_info(message_pack_reader& in);
void write(const segment_info& info, message_pack_writer& out);

/// `<commit>-<merges>.data` in 16 and 8 hex digits.
std::string segment_file_name(const segment_info& info);

}  // namespace fp::fpindex
