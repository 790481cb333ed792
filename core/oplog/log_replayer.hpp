#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/cancel.hpp"
#include "core/fs/file_system.hpp"
#include "core/oplog/log_slice.hpp"
#include "core/oplog/logged_file.hpp"
#include "core/oplog/oplog_format.hpp"

namespace fp {

/// Reads the log files of a folder in order, a slice at a time. Changes nothing. Has at most one file open, and
/// none between calls.
///
/// A slice is handed out before what follows it is judged: damage is thrown by the call that would have to go past
/// it, when everything before it has been handed out.
class log_replayer {
 public:
  /// Bytes of a slice, unless a single frame is larger: large enough for segments that are searched fast, small
  /// enough to check the cancel flag often.
  static constexpr size_t default_slice_bytes = size_t{4} << 20;

  /// Commits up to `after` are read and left out, unless `deliver_all`.
  log_replayer(file_system& fs, path folder, commit_id after, const cancel_flag* cancel,
               size_t slice_bytes = default_slice_bytes, bool deliver_all = false);

  /// Has only the newest `count` files (at least 1) read: those before are taken for good, and so are the commits
  /// in them, `after()` of them. Before anything is read. Throws as `next` does.
  void skip_to_newest(size_t count);

  /// Fills a slice with the next commits, at least one; false at the end, when all files and the seal are good.
  /// Throws as `oplog::open` does.
  bool next(log_slice& slice);

  file_system& fs() const noexcept { return fs_; }
  const path& folder() const noexcept { return folder_; }
  commit_id after() const noexcept { return after_; }
  /// What is read, or was last: the folder, a log file or the seal; and where in it.
  const path& file() const noexcept { return file_; }
  uint64_t offset() const noexcept { return at_; }

  std::vector<logged_file> files;        // sizes without torn bytes
  std::vector<std::string> temporaries;  // what an interrupted `close` left
  bool has_seal = false;
  std::optional<oplog_format::seal> seal;
  size_t num_read = 0;  // files that are good
  commit_id end = 0;    // last commit in the log files
  // Where the last good frame ends, or the file header: in the file that is read, and the commit there.
  uint64_t good_bytes = 0;
  commit_id good_end = 0;
  uint64_t num_delivered = 0;
  uint64_t torn_bytes = 0;
  bool newest_is_torn_whole = false;
  uint32_t newest_version = oplog_format::version;  // of the file that was begun last
  /// What was written last to the newest file, unless that is torn as a whole: its last frame, or its header.
  std::vector<std::byte> last_write;
  uint64_t last_write_offset = 0;

 private:
  void list();
  void read_seal();
  void check_seal() const;
  [[noreturn]] void seal_mismatch(const std::string& what) const;
  static std::string describe(const logged_file& log);

  bool is_newest() const noexcept { return num_read + 1 == files.size(); }
  /// Begins the next file; a newest one that is torn as a whole is skipped.
  void open_file();
  void close_file();
  /// Throws when the file has become shorter.
  void read_exactly(uint64_t offset, std::span<std::byte> out) const;

  /// Commits that no file holds may only be missing when they are not needed: `truncate` removes files in any
  /// order as far as a crash is concerned, and a log that ends before `after` goes on behind it.
  void check_start(commit_id begin) const;

  /// Reads frames until the slice's bytes are used up.
  void read_frames(log_slice& slice);
  /// Adds the frame at the front of the bytes that are left of a slice and returns its size, or the size that the
  /// bytes would have to have at least; 0 when the rest of the file is a torn write.
  size_t read_frame(log_slice& slice, std::span<std::byte> bytes);
  /// Adds a frame's commits.
  void take_payload(log_slice& slice, const oplog_format::frame_header& header, std::span<const std::byte> payload);
  bool rest_is_torn() const;

  file_system& fs_;
  path folder_;
  commit_id after_;
  const cancel_flag* cancel_;
  size_t slice_bytes_;
  bool deliver_all_;
  bool listed_ = false;
  // The file that is read: open in a call only, because who waits for the next one may wait long.
  bool begun_ = false;
  std::unique_ptr<readable_file> in_;
  path file_;
  uint64_t size_ = 0;
  uint64_t at_ = 0;  ///< where the next frame begins
};

}  // namespace fp
