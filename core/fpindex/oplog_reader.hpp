#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/doc_set.hpp"
#include "core/base/types.hpp"
#include "core/fs/file_system.hpp"

namespace fp::fpindex {

/// A commit of fpindex's log.
struct logged_commit {
  uint64_t id = 0;                  ///< fpindex's own, dense
  std::optional<uint64_t> version;  ///< position in an upstream's feed
  /// What it changes, in our encoding (`changes_encoder`), in pieces of a bounded size.
  std::vector<std::vector<uint8_t>> changes;
  std::string place;  ///< file and offset, for messages

  /// The version of the index that ends with it.
  uint64_t index_version() const noexcept { return version.value_or(id); }
};

/// Reads what an fpindex log holds beyond the file segments. `<folder>/<first commit, 16 hex digits>.xlog`, in
/// order; records `u32le length, u32le CRC-32 of the payload, payload`, a payload the map `{i: commit id, v?:
/// position, c: [change]}`.
///
/// A crash leaves a record unfinished, and fpindex, started again, goes on in a new file, which at its next start
/// it does not read any more. So what follows damage is read as long as commit ids continue, and counted. Where
/// commits are missing between what is there, the log is refused.
class oplog_reader {
 public:
  /// `last_in_files`: the newest commit of the file segments. `salvage`: goes on over gaps and notes them.
  oplog_reader(file_system& fs, path folder, uint64_t last_in_files, bool salvage = false);

  /// The next commit behind the file segments; false at the end. Throws `corrupt_data` with file and offset when
  /// commits are missing, `io_error`.
  bool next(logged_commit& out);

  uint64_t num_commits() const noexcept { return num_commits_; }
  /// Of those, what fpindex itself would not find at its next start.
  uint64_t num_hidden() const noexcept { return num_hidden_; }
  /// Documents whose newest change in the log holds a hash more than once.
  const doc_set& repeating() const noexcept { return repeating_; }
  /// What was damaged and yet stopped nothing, and what was lost; a line each.
  const std::vector<std::string>& notes() const noexcept { return notes_; }
  const std::vector<std::string>& losses() const noexcept { return losses_; }
  /// Bytes of the files that are behind the reader, and of all files.
  uint64_t bytes_read() const noexcept { return bytes_before_ + at_; }
  uint64_t bytes_total() const noexcept { return bytes_total_; }

 private:
  struct frame {
    std::span<const std::byte> payload;
    const char* damage = nullptr;  ///< why there is none
  };

  bool open_next_file();
  frame frame_at(uint64_t offset) const;
  /// Where the next whole record begins; the end of the file when there is none.
  uint64_t find_record(uint64_t from) const;
  void decode(std::span<const std::byte> payload, uint64_t offset, logged_commit& out);
  void note_damage(uint64_t offset, const std::string& why);
  std::string place_of(uint64_t offset) const;
  [[noreturn]] void refuse(uint64_t offset, const std::string& what) const;

  file_system& fs_;
  path folder_;
  bool salvage_;
  std::vector<std::string> files_;
  size_t file_ = 0;  ///< number of the next one
  path current_;
  std::vector<std::byte> bytes_;  ///< of the current file
  uint64_t at_ = 0, bytes_before_ = 0, bytes_total_ = 0;
  uint64_t last_in_files_, needed_;    ///< the next commit that is not there yet
  std::optional<std::string> damage_;  ///< the first, place and reason
  uint64_t num_commits_ = 0, num_hidden_ = 0;
  doc_set repeating_;
  std::vector<std::string> notes_, losses_;
};

}  // namespace fp::fpindex
