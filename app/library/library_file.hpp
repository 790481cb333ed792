#pragma once

#include <cstdint>
#include <filesystem>

namespace fp {

class sqlite_file;

// What makes a file a library of recordings. In the header of SQLite's file format
// (https://www.sqlite.org/fileformat2.html), where they can be read before SQLite touches the file.

inline constexpr uint32_t library_application_id = 0x66'70'6c'62;  // "fplb"
inline constexpr int64_t library_format_version = 1;

/// Whether there is nothing yet at a path. Throws `unsupported_format` when the file there is no library, and
/// `io_error`; it is not changed.
bool is_library_missing(const std::filesystem::path& file);

/// Makes an empty library with its folders, whole or not at all; one that came up meanwhile is left. Throws
/// `fp::error`.
void create_library(const std::filesystem::path& file);

/// Throws `unsupported_format` when an open library is of a newer format.
void check_library_version(sqlite_file& file);

}  // namespace fp
