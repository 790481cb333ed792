#include "app/library/library_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <random>
#include <string>
#include <string_view>
#include <system_error>

#include "app/library/sqlite.hpp"
#include "core/base/error.hpp"
#include "core/base/printable.hpp"

namespace fp {

namespace {

namespace fs = std::filesystem;

std::string shown(const fs::path& file) { return printable(file.string(), 4096); }

constexpr const char* tables = R"(
CREATE TABLE indexes (
  number INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  generation INTEGER NOT NULL,
  node TEXT NOT NULL,
  last_id INTEGER NOT NULL
) STRICT;
CREATE TABLE recordings (
  index_number INTEGER NOT NULL REFERENCES indexes ON DELETE CASCADE,
  id INTEGER NOT NULL CHECK (id BETWEEN 1 AND 4294967295),
  path TEXT NOT NULL,
  size INTEGER NOT NULL,
  mtime_ns INTEGER NOT NULL,
  title TEXT NOT NULL,
  artist TEXT NOT NULL,
  duration_s REAL NOT NULL,
  algorithm INTEGER NOT NULL,
  form TEXT NOT NULL,
  state INTEGER NOT NULL CHECK (state BETWEEN 1 AND 3),
  commit_id INTEGER NOT NULL,
  num_hashes INTEGER NOT NULL,
  digest INTEGER NOT NULL,
  PRIMARY KEY (index_number, id),
  UNIQUE (index_number, path)
) STRICT;
CREATE TABLE fingerprints (
  index_number INTEGER NOT NULL,
  id INTEGER NOT NULL,
  hashes BLOB NOT NULL,
  PRIMARY KEY (index_number, id),
  FOREIGN KEY (index_number, id) REFERENCES recordings ON DELETE CASCADE ON UPDATE CASCADE
) STRICT;
)";

uint32_t big_endian(const char* at) {
  uint32_t value = 0;
  for (int i = 0; i < 4; i++) value = value << 8 | static_cast<uint8_t>(at[i]);
  return value;
}

[[noreturn]] void fail(const fs::path& file, const std::string& reason) {
  throw error(errc::io_error, shown(file) + ": " + reason);
}

void fill(const std::string& empty_file) {
  sqlite_file fresh(empty_file, sqlite_file::access::read_write);
  sqlite_transaction all(fresh);
  fresh.run(tables);
  fresh.run(("PRAGMA application_id = " + std::to_string(library_application_id)).c_str());
  fresh.run(("PRAGMA user_version = " + std::to_string(library_format_version)).c_str());
  all.commit();
  fresh.run("PRAGMA journal_mode = WAL");
}

/// Gives a file its name, unless another one has it meanwhile: then that one stays.
void put_in_place(const std::string& temporary, const fs::path& file) {
  if (::renameat2(AT_FDCWD, temporary.c_str(), AT_FDCWD, file.c_str(), RENAME_NOREPLACE) == 0) return;
  // Not every file system knows the flag.
  const int linked = errno == EINVAL ? ::link(temporary.c_str(), file.c_str()) : -1;
  if (linked != 0 && errno != EEXIST) fail(file, std::string("cannot be made: ") + std::strerror(errno));
  std::error_code ignored;
  fs::remove(temporary, ignored);
}

}  // namespace

bool is_library_missing(const fs::path& file) {
  std::error_code failed;
  const auto status = fs::status(file, failed);
  if (status.type() == fs::file_type::not_found) return true;
  if (failed) fail(file, failed.message());
  if (status.type() != fs::file_type::regular) fail(file, "is no regular file");
  std::ifstream in(file, std::ios::binary);
  std::array<char, 100> header{};
  in.read(header.data(), header.size());
  if (!in.eof() && !in) fail(file, std::string("cannot be read: ") + std::strerror(errno));
  constexpr std::string_view magic("SQLite format 3\0", 16);
  constexpr size_t application_id_at = 68;
  if (static_cast<size_t>(in.gcount()) < header.size() || !std::string_view(header.data(), 16).starts_with(magic) ||
      big_endian(header.data() + application_id_at) != library_application_id) {
    throw error(errc::unsupported_format, shown(file) + ": is no library of recordings");
  }
  return false;
}

void create_library(const fs::path& file) {
  std::error_code failed;
  if (file.has_parent_path()) fs::create_directories(file.parent_path(), failed);
  if (failed) fail(file.parent_path(), "cannot be made: " + failed.message());
  const auto temporary = file.string() + ".new-" + std::to_string(std::random_device()());
  const int fd = ::open(temporary.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0) fail(file, std::string("cannot be made: ") + std::strerror(errno));
  ::close(fd);
  try {
    fill(temporary);
    put_in_place(temporary, file);
  } catch (...) {
    fs::remove(temporary, failed);
    throw;
  }
}

void check_library_version(sqlite_file& file) {
  sqlite_query asked(file, "PRAGMA user_version");
  asked.next();
  const auto version = asked.integer(0);
  if (version == library_format_version) return;
  throw error(errc::unsupported_format, printable(file.name(), 4096) + ": the library's format is version " +
                                            std::to_string(version) + ", this program knows version " +
                                            std::to_string(library_format_version));
}

}  // namespace fp
