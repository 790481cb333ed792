#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/changelog/changelog.hpp"
#include "core/fs/file_system.hpp"

/// The folder of a local changelog, version 1. All integers are little-endian.
///
///     lock        held by the process that has the changelog open
///     meta/       the meta feed, an oplog (`oplog/oplog_format.hpp`)
///     lineages/<generation as 16 hex digits>.<name>/
///         log/      the lineage's changelog, an oplog; made by the first append
///         floor     what has been dropped; absent: nothing
///         base-<floor as 16 hex digits>/    what the dropped changes have made, an oplog
///
/// In a folder's name letters, digits, - and _ of an index's name stand for themselves, other bytes as %XX.
///
/// A commit of these oplogs is an append, its id the position of its last change, and its payload
///
///     u8[16] append id    encoded changes (`commit/changes.hpp`)
///
/// The append id is that of `feed_append`, so that an append that is repeated after a restart is known; zeros in
/// the meta feed and in a base. In `log` and `meta` a commit holds as many changes as it covers positions; in a
/// base one, at its id, and those before it have been overwritten. An operation of the meta feed is one change: a
/// create sets the metadata of the index's name to nothing, a delete removes it.
///
/// `floor` (32 bytes) says up to where changes have been dropped, and by that which base counts. A base is complete
/// before its floor is written; any other is a leftover, as are log files up to the floor.
///
///     u8[8] magic "FPFLOOR1"   u32 format version   u32 0   u64 floor   u64 checksum of the 24 bytes before
namespace fp::local_format {

inline constexpr uint32_t version = 1;
inline constexpr size_t append_id_bytes = sizeof(append_id);
inline constexpr size_t floor_bytes = 32;
inline constexpr std::string_view floor_name = "floor";
inline constexpr std::string_view log_name = "log";

/// The longest name of an index that has a folder, as it is written there.
inline constexpr size_t max_written_name = 238;

/// Name of a lineage's folder; nothing when the index's name is empty or too long.
std::optional<std::string> lineage_folder_name(const lineage& l);
/// The inverse; nothing for a name that it never returns.
std::optional<lineage> parse_lineage_folder_name(std::string_view name);

std::string base_folder_name(feed_position floor);
bool is_base_folder_name(std::string_view name) noexcept;

/// Reads the floor of a lineage's folder; 0 when there is none. Throws `corrupt_data`, `unsupported_format`.
feed_position read_floor(file_system& fs, const path& folder);
/// As `replace_file`.
void write_floor(file_system& fs, const path& folder, feed_position floor);

/// Bytes of a commit: id and changes.
changes_ptr make_payload(const append_id& id, std::span<const uint8_t> changes);

}  // namespace fp::local_format
