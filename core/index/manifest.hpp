#pragma once

#include <string>
#include <vector>

#include "core/fs/file_system.hpp"
#include "core/segment/segment_info.hpp"

namespace fp {

class segment;

/// One segment file, as the manifest names it.
struct manifest_entry {
  std::string file_name;  ///< within the data folder, no slash
  segment_info info;

  friend bool operator==(const manifest_entry&, const manifest_entry&) = default;
};

/// The list of an index's segment files, oldest first: the commit point of checkpoints and merges. What it does
/// not name is garbage; what it names must be there, whole.
///
/// On disk: `manifest.json`, replaced atomically. An object with `format_version` (2), `segments` (objects with
/// the fields of `manifest_entry`, 64-bit checksums as 16 hex digits) and `checksum`: XXH3-64, 16 hex digits, of
/// the compact dump of the object without that key. Each segment goes on where the one before it ends, and the last
/// one ends with a whole commit (see `commit_range`). Version 1 is the same without `previous_commit` (the first
/// one minus 1), `first_part` and `last_part` (0). What a version promises: core/FORMATS.md.
struct manifest {
  std::vector<manifest_entry> segments;

  uint64_t num_bytes() const noexcept;
  friend bool operator==(const manifest&, const manifest&) = default;
};

inline constexpr uint64_t manifest_version = 2;
inline constexpr std::string_view manifest_file_name = "manifest.json";

/// Reads `<data>/manifest.json`; a missing file is an empty manifest only when the folder holds no segment files,
/// and `corrupt_data` otherwise. Throws `corrupt_data` (with the file and what is wrong: checksum, a field, a
/// missing segment, a name with a slash) or `unsupported_format`.
manifest read_manifest(file_system& fs, const path& data);

/// Replaces `<data>/manifest.json` durably. When it throws, the old one counts (see `replace_file`).
void write_manifest(file_system& fs, const path& data, const manifest& m);

/// `<first commit>-<last commit>.seg`, both as 16 hex digits, so that names sort by history. Where a commit is cut,
/// the part follows, `.` and 8 hex digits.
std::string segment_file_name(const commit_range& range);
/// Of whole commits.
std::string segment_file_name(commit_id first, commit_id last);
/// The name that a served segment's file has within its folder.
std::string segment_file_name(const segment& served);

/// A name for what adjacent segments, oldest first, are merged into. A segment that is rewritten alone keeps its
/// range of commits, and a file that a manifest names is not replaced: its name then ends with the number of the
/// rewrite, `<first commit>-<last commit>-<n>.seg`.
std::string merged_file_name(const segment& oldest, const segment& newest);

/// Removes files of `<data>` that the manifest does not name (segments of interrupted checkpoints and merges,
/// temporary files). Other files are left alone. Returns the removed names. Call it for what `read_manifest` found
/// or `write_manifest` wrote: the manifest is made durable before anything that an older one may name is removed.
std::vector<std::string> sweep_data_folder(file_system& fs, const path& data, const manifest& m);

}  // namespace fp
