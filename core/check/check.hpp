#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/cancel.hpp"
#include "core/base/types.hpp"
#include "core/fs/file_system.hpp"

namespace fp {

/// What `check_data_folder` thinks of a file.
enum class file_verdict {
  fine,
  damaged,
  unreadable,      ///< the disk does not give it back, or keeps it from this user
  not_referenced,  ///< nobody would read it: garbage that the next start removes, or nothing of ours
  not_reached,     ///< of a log, behind its first damage
};

/// "fine", "damaged", "unreadable", "not referenced", "not reached".
std::string_view to_string(file_verdict v) noexcept;

/// One file, or an entry of a folder that is not looked into.
struct checked_file {
  path file;
  file_verdict verdict = file_verdict::fine;
  uint64_t num_bytes = 0;
  std::optional<uint64_t> offset;  ///< of the damage, where it has a place
  std::string reason;              ///< what is wrong, or worth knowing

  /// Damaged or unreadable.
  bool is_bad() const noexcept { return verdict == file_verdict::damaged || verdict == file_verdict::unreadable; }
};

/// One index with its files: `current`, the manifest, segments and log files.
struct checked_index {
  std::string name;
  uint64_t generation = 0;  ///< 0: not known
  bool deleted = false;
  commit_id version = 0;  ///< the newest commit that was reached
  std::vector<checked_file> files;

  bool is_damaged() const noexcept;  ///< some file of it is bad
};

struct check_report {
  std::vector<checked_index> indexes;
  std::vector<checked_file> others;  ///< entries of the data folder that are no index

  bool is_damaged() const noexcept;
};

struct check_options {
  /// Refuse while a node uses the folder. A folder that no node has used yet is not locked: nothing is written to
  /// it.
  bool take_lock = true;
  /// This index alone.
  std::optional<std::string> index;
  /// Called with the bytes that are checked so far and those of all files.
  std::function<void(uint64_t done, uint64_t total)> on_progress;
  const cancel_flag* cancel = nullptr;
};

/// Reads every byte of a data folder offline and tells what is damaged, changing nothing: records, manifests,
/// segments (checksums, structure, order and number of postings), logs (every frame and every commit in it). What
/// cannot be read is told too, and the rest is looked at without it: the newest generation when the record is lost,
/// all segments and a log that may begin anywhere when the manifest is. Throws `data_folder_locked`,
/// `index_not_found` or `cancelled`.
check_report check_data_folder(file_system& fs, const path& root, const check_options& options = {});

}  // namespace fp
