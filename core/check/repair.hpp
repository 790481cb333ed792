#pragma once

#include <string>
#include <vector>

#include "core/base/cancel.hpp"
#include "core/base/types.hpp"
#include "core/fs/file_system.hpp"

namespace fp {

/// What a repair took away.
struct repair_report {
  path kept_in;  ///< the folder that keeps the damaged files as they were
  std::vector<path> kept_files;
  /// The range of ids whose commits are lost; 0 and 0: none. The last one is a lower bound when `is_last_known` is
  /// false: what is damaged may have held more.
  commit_id first_lost = 0, last_lost = 0;
  bool is_last_known = false;
  /// Documents that readable parts of what was cut insert or delete, ascending. Of a segment all that are known are
  /// the numbers below.
  std::vector<document_id> documents;
  uint64_t num_documents = 0;                      ///< of a segment, tombstones included
  document_id min_document = 0, max_document = 0;  ///< of a segment
};

/// Repairs a data folder offline, only as told. Each takes the folder's lock, refuses with `bad_request` when what
/// it is pointed at is not damaged, and with `unsupported_format` when a newer program wrote it; keeps every file
/// that it changes or removes in `<generation>/lost-<number>/`; and can be repeated when it was interrupted. Throws
/// `index_not_found`, `data_folder_locked`, `corrupt_data` when something else must be repaired first, `io_error`,
/// `no_space`.

/// Cuts the log of an index before its first damaged frame: that frame and all commits behind it are lost.
repair_report cut_log(file_system& fs, const path& root, const std::string& index);

/// Puts an empty segment in the place of a damaged or missing one. Its documents are lost; what it deleted or
/// replaced may come back in an older version from older segments.
repair_report drop_segment(file_system& fs, const path& root, const std::string& index,
                           const std::string& file_name);

}  // namespace fp
