#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/cancel.hpp"
#include "core/base/error.hpp"
#include "core/commit/changes.hpp"
#include "core/fs/open_files.hpp"
#include "core/oplog/logged_file.hpp"

namespace fp {

class log_replayer;

struct oplog_options {
  uint64_t max_file_bytes = uint64_t{64} << 20;  ///< a file that has reached this is followed by a new one
  /// Where the newest file has its place while it is open: shared by logs that are bounded together. Null: it stays
  /// open.
  std::shared_ptr<open_files> files = nullptr;
  size_t max_kept_bytes = size_t{16} << 20;  ///< of memory, between two appends
};

/// What a replay found.
struct oplog_replay {
  commit_id last_commit = 0;  ///< the newest commit in the log; the given `after` when there is none
  uint64_t num_commits = 0;   ///< delivered, that is newer than `after`
  uint64_t num_bytes = 0;     ///< of all files
  uint64_t torn_bytes = 0;    ///< cut from the newest file: a write that was never acknowledged
  /// The last commit of the log files where they end before `after`. File segments have the commits up to `after`,
  /// so they are not lost; but whatever cut them off may have taken newer ones too. Worth a warning.
  std::optional<commit_id> ends_early_at = std::nullopt;
};

/// The durable record of commits that are not in a file segment yet. One object owns a folder and serves one
/// thread. Format: `oplog_format.hpp`.
class oplog {
 public:
  /// Opens the log of a folder (which must exist) and hands every commit newer than `after` to `deliver`, in
  /// order. `after` is the newest commit that file segments hold. Accepts a torn write only at the end of the
  /// newest file, and cuts it off. Throws `corrupt_data` with file and offset for damage anywhere else, for
  /// missing commits or files unless all that are missing are at most `after`, for a log that has no commit `after`
  /// but older and newer ones, and for a log that ends elsewhere than where it was closed; `unsupported_format` for
  /// files of a newer version; `cancelled`. Nothing is changed before everything was read and found good. A log
  /// without files (new, or of a restored index) or one that ends before `after` goes on behind commit `after`, in
  /// a new file.
  static std::unique_ptr<oplog> open(file_system& fs, const path& folder, const oplog_options& options,
                                     commit_id after, const std::function<void(commit&&)>& deliver,
                                     oplog_replay& report, const cancel_flag* cancel = nullptr);
  /// The same for a log that somebody has read slice by slice, to its end.
  static std::unique_ptr<oplog> open(log_replayer&& all_read, const oplog_options& options, oplog_replay& report);
  virtual ~oplog() = default;

  /// Appends commits, each the `previous` of the next and `last_commit()` that of the first one, as one frame of
  /// less than 4 GiB and makes them durable: one write and one sync, and before that a new file when the newest is
  /// full; a newest file that was closed for others is opened again, and must be as it was left. On a failure
  /// nothing of them is in the log any more, the error is thrown (`read_only` when there can be no more commits),
  /// and `is_broken()` tells whether the log could be cut back to its last good frame (false: appending may be
  /// tried again, later) or not (true: only a new `open` helps, and that may find the commits of the failed append
  /// or not).
  virtual void append(std::span<const commit> commits) = 0;
  virtual bool is_broken() const noexcept = 0;

  /// Removes files all of whose commits are at most `durable`, the newest file excepted.
  virtual void truncate(commit_id durable) = 0;

  /// Sees to the seal that lets the next open notice a shortened log: it is written when anything was appended
  /// since the open. No append may follow. A broken log gets no seal: where it ends is for the next open to find
  /// out. After a failure it may be called again.
  virtual void close() = 0;

  virtual commit_id last_commit() const noexcept = 0;
  virtual uint64_t num_bytes() const noexcept = 0;
  /// Its files, oldest first, with the bytes that are durable; valid until the next call of another member.
  virtual std::span<const logged_file> files() const noexcept = 0;
};

/// What is in a log, as far as it can be read.
struct oplog_inspection {
  struct file {
    path file;
    uint64_t num_bytes = 0;   ///< 0 when that cannot be told
    uint64_t torn_bytes = 0;  ///< at the end of the newest file
    bool reached = false;     ///< everything before it is good
  };
  struct damage {
    path file;
    uint64_t offset = 0;  ///< of the frame, where it is in one
    errc code = errc::corrupt_data;
    std::string reason;
  };
  std::vector<file> files;      ///< oldest first, and then the seal, if there is one
  commit_id last_commit = 0;    ///< before the damage; the given `after` when there is none
  std::optional<damage> first;  ///< the first damage
  uint64_t good_bytes = 0;      ///< of the file with the damage: whole frames before it
};

/// Reads a log as `oplog::open` does, and changes nothing: damage is told instead of thrown, and so is a file or
/// folder that cannot be read (`io_error`). `visit` is handed every commit, also those up to `after`, with file and
/// offset of its frame; a `corrupt_data` that it throws counts as damage of that frame. Throws `cancelled`.
oplog_inspection inspect_oplog(
    file_system& fs, const path& folder, commit_id after,
    const std::function<void(const commit_view& c, const path& file, uint64_t offset)>& visit,
    const cancel_flag* cancel = nullptr);

}  // namespace fp
