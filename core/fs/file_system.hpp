#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace fp {

using path = std::filesystem::path;

/// Which file it is, whatever its name: one that has been put in its place is another one. Of a file system that
/// knows no such thing all are the same.
struct file_identity {
  uint64_t device = 0, number = 0;

  bool operator==(const file_identity&) const = default;
};

/// Bytes of a file that are mapped into memory, unmapped on destruction. Stays valid after its file object
/// is gone and after the file's name is removed.
class mapped_file {
 public:
  virtual ~mapped_file() = default;
  virtual std::span<const std::byte> bytes() const noexcept = 0;
  /// Offset of the first byte that could not be read although it was there when the file was mapped. From it on
  /// there are zeros, and whoever has read one of them is told here. Without a `mapped_file_guard` (see there),
  /// such a read ends the process.
  virtual std::optional<uint64_t> unreadable_from() const noexcept { return std::nullopt; }
  /// From now on bytes are read here and there: a page that is missing comes from the disk alone. What would come
  /// with it takes as long again, and where memory is short it drives out what is needed.
  virtual void expect_random_reads() const noexcept {}
  /// Has these bytes of it come from the disk soon, as far as there is room.
  virtual void will_read(std::span<const std::byte>) const noexcept {}
};

/// An open file to read from. Closed on destruction.
class readable_file {
 public:
  virtual ~readable_file() = default;
  virtual uint64_t size() const = 0;
  virtual file_identity identity() const { return {}; }
  /// Reads up to `out.size()` bytes from `offset`; short only at the end of the file. Returns the count.
  virtual size_t read_at(uint64_t offset, std::span<std::byte> out) const = 0;
  /// Maps the whole file read-only. An empty file maps to no bytes.
  virtual std::unique_ptr<mapped_file> map() const = 0;
};

/// An open file to write to. Closed on destruction, without a sync.
class writable_file {
 public:
  virtual ~writable_file() = default;
  virtual uint64_t size() const = 0;
  /// Writes all of `data` at `offset`, extending the file as needed.
  virtual void write_at(uint64_t offset, std::span<const std::byte> data) = 0;
  /// Makes contents and size durable (fdatasync). After a failure the file's unsynced contents are unknown:
  /// callers cut back to what was durable before and never retry the sync as if the data were still there.
  virtual void sync() = 0;
  virtual void truncate(uint64_t size) = 0;
};

/// An exclusive lock on a file, held until destruction.
class file_lock {
 public:
  virtual ~file_lock() = default;
};

/// What disks ask of reads past the cache, the largest of their blocks.
inline constexpr size_t uncached_alignment = 4096;

/// Every file operation of core goes through this interface, so that tests can fail any of them. All
/// operations throw `fp::error` with `io_error` (`no_space` for ENOSPC and EDQUOT) and a message that names
/// operation, path and reason. Safe for use from many threads at once.
class file_system {
 public:
  virtual ~file_system() = default;

  virtual std::unique_ptr<readable_file> open(const path& file) = 0;
  /// As `open`, to read what is on disk and not what the operating system remembers of it, as far as it can be told
  /// so, and without displacing what it remembers. Reads whose buffers, offsets and lengths are multiples of
  /// `uncached_alignment` go past the cache.
  virtual std::unique_ptr<readable_file> open_uncached(const path& file) { return open(file); }
  /// Creates a file, or empties an existing one. Mode 0640.
  virtual std::unique_ptr<writable_file> create(const path& file) = 0;
  /// Opens an existing file for writing, contents kept.
  virtual std::unique_ptr<writable_file> open_for_writing(const path& file) = 0;

  virtual bool exists(const path& file) = 0;
  virtual bool is_directory(const path& file) = 0;
  virtual uint64_t file_size(const path& file) = 0;
  /// Names (not paths) of a folder's entries, sorted.
  virtual std::vector<std::string> list(const path& directory) = 0;

  /// Atomically replaces `to`. Durable only after `sync_directory` on the parent.
  virtual void rename(const path& from, const path& to) = 0;
  /// Removes one file; a missing one is not an error.
  virtual void remove(const path& file) = 0;
  /// Removes a folder and all below it; a missing one is not an error.
  virtual void remove_all(const path& directory) = 0;
  /// Creates a folder and its missing parents (mode 0750) and makes each of them durable.
  virtual void create_directories(const path& directory) = 0;
  virtual void sync_directory(const path& directory) = 0;

  /// Takes an exclusive lock on a file, which is created if absent. Throws `data_folder_locked` when another
  /// process or another holder in this process has it.
  virtual std::unique_ptr<file_lock> lock(const path& file) = 0;
};

/// The operating system's file system.
file_system& posix_file_system();

/// The folder that a file lies in, "." when its path does not say.
path folder_of(const path& file);

/// Writes a file so that after a crash either the old or the new contents are there, complete: temporary
/// file beside it (`<name>.tmp`), sync, rename, sync of the folder. When it throws, the file has its old contents
/// again (what is in memory goes on from those), and the temporary file is gone; if undoing fails too, it throws
/// `in_doubt_error`: the file may have its new contents. For small files: the old contents are held meanwhile.
void replace_file(file_system& fs, const path& file, std::span<const std::byte> contents);
void replace_file(file_system& fs, const path& file, std::string_view contents);

/// Reads a whole file of at most `max_bytes`; a larger one throws `corrupt_data`.
std::string read_file(file_system& fs, const path& file, uint64_t max_bytes = uint64_t{64} << 20);

/// Whether a name is that of a temporary file which an interrupted `replace_file` or segment write left.
bool is_temporary_name(std::string_view name);

}  // namespace fp
