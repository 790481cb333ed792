#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/cancel.hpp"
#include "core/commit/changes.hpp"
#include "core/fs/file_system.hpp"

namespace fp {

struct oplog_options {
  uint64_t max_file_bytes = uint64_t{64} << 20;  ///< a file that has reached this is followed by a new one
};

/// What a replay found.
struct oplog_replay {
  commit_id last_commit = 0;   ///< the newest commit in the log; the given `after` when there is none
  uint64_t num_commits = 0;    ///< delivered, that is newer than `after`
  uint64_t num_bytes = 0;      ///< of all files
  uint64_t torn_bytes = 0;     ///< cut from the newest file: a write that was never acknowledged
};

/// The durable record of commits that are not in a file segment yet. One object owns a folder and serves one
/// thread. Format: `oplog_format.hpp`.
class oplog {
 public:
  /// Opens the log of a folder (which must exist) and hands every commit newer than `after` to `deliver`, in
  /// order. Accepts a torn write only at the end of the newest file, and cuts it off. Throws `corrupt_data` with
  /// file and offset for damage anywhere else, for gaps between commits or files, for a log that ends before
  /// `after` in the middle of its range, and for one that ends before the commit at which it was closed.
  static std::unique_ptr<oplog> open(file_system& fs, const path& folder, const oplog_options& options,
                                     commit_id after, const std::function<void(commit&&)>& deliver,
                                     oplog_replay& report, const cancel_flag* cancel = nullptr);
  virtual ~oplog() = default;

  /// Appends consecutive commits as one frame and makes them durable. On a failure nothing of them is in the
  /// log any more, the error is thrown, and `is_broken()` tells whether the log could be cut back to its last
  /// good frame (false: appending may be tried again, later) or not (true: only a new `open` helps).
  virtual void append(std::span<const commit> commits) = 0;
  virtual bool is_broken() const noexcept = 0;

  /// Removes files all of whose commits are at most `durable`, the newest file excepted.
  virtual void truncate(commit_id durable) = 0;

  /// Writes the seal that lets the next open notice a shortened log. No append may follow.
  virtual void close() = 0;

  virtual commit_id last_commit() const noexcept = 0;
  virtual uint64_t num_bytes() const noexcept = 0;
};

}  // namespace fp
