#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/base/aligned_memory.hpp"
#include "core/changelog/call_limits.hpp"
#include "core/changelog/changelog.hpp"
#include "core/commit/changes.hpp"
#include "core/fs/open_files.hpp"
#include "core/oplog/logged_file.hpp"
#include "core/oplog/oplog_format.hpp"

namespace fp {

/// The bytes of a file that were read last, by any of the readers that share it.
struct feed_window {
  aligned_memory memory;
  const void* owner = nullptr;  ///< null: there are none
  commit_id file = 0;           ///< where it begins
  uint64_t offset = 0, size = 0;
};

/// Reads the changes of an oplog of appends (see `local_format.hpp`) by their positions, from anywhere. Remembers
/// where in a file some positions lie, one in `mark_bytes`, and where the last read ended; what it reads of a file
/// that it has not seen before are the frames up to the position, once. Each frame's checksum is verified. Holds no
/// open file between calls. Serves one thread.
class feed_reader {
 public:
  static constexpr uint64_t mark_bytes = uint64_t{256} << 10;
  static constexpr uint64_t window_bytes = uint64_t{1} << 20;

  /// `dense`: a commit holds as many changes as it covers positions; otherwise one.
  feed_reader(file_system& fs, path folder, std::shared_ptr<open_files> files, std::shared_ptr<feed_window> window,
              bool dense)
      : fs_(fs), folder_(std::move(folder)), files_(std::move(files)), window_(std::move(window)), dense_(dense) {}
  ~feed_reader() { forget_bytes(); }
  feed_reader(const feed_reader&) = delete;
  feed_reader& operator=(const feed_reader&) = delete;

  /// Adds changes behind `after`, in order, until `out` has as many as the limits allow, of `logs`: the log's
  /// files, oldest first, as far as they are durable. Those before them hold no change behind `after`. Throws
  /// `corrupt_data` with file and offset, `io_error`, and `request_timeout`; of what it has found before that it
  /// throws nothing.
  void read(std::span<const logged_file> logs, feed_position after, const read_limits& limits,
            const call_limits& call, feed_changes& out);
  /// Forgets what lies in files that begin before `begin`, which are gone.
  void forget_before(commit_id begin);
  /// Forgets what the files hold, after a write to them has failed.
  void forget_bytes() noexcept {
    if (window_->owner == this) window_->owner = nullptr;
  }

 private:
  void read_on(std::span<const logged_file> logs, feed_position after, const read_limits& limits,
               const call_limits& call, feed_changes& out);
  /// A frame's place.
  struct mark {
    commit_id before = 0;  ///< the commit before those of the frame
    uint64_t offset = 0;
  };
  /// The last place that is known to lie before the changes behind `after`.
  mark start_of(const logged_file& log, feed_position after);
  void begin_file(const logged_file& log);
  void note(const logged_file& log, const mark& at);
  /// Moves behind a frame whose commits are all at most `after`; false when it is not, or the last one.
  bool skip_frame(const logged_file& log, feed_position after, mark& at);
  oplog_format::frame_header header_at(const logged_file& log, const mark& at);
  std::span<const std::byte> bytes_at(const logged_file& log, uint64_t offset, uint64_t count);
  /// Adds the frame's changes and moves behind it; false when it holds more than the limits allow.
  bool take_frame(const logged_file& log, mark& at, feed_position after, const read_limits& limits,
                  feed_changes& out);
  bool take_commit(const commit_view& c, feed_position after, const read_limits& limits, feed_changes& out) const;
  [[noreturn]] void corrupt(const logged_file& log, uint64_t offset, const std::string& what) const;
  path file_path(const logged_file& log) const { return folder_ / oplog_format::file_name(log.begin); }

  file_system& fs_;
  path folder_;
  std::shared_ptr<open_files> files_;
  std::shared_ptr<feed_window> window_;
  bool dense_;
  /// What is known of a file.
  struct known_file {
    uint32_t version = 0;
    std::vector<mark> marks;  ///< ascending; the first is that of its first frame
  };
  std::map<commit_id, known_file> known_;  ///< by a file's begin
  std::vector<std::byte> unmasked_;        ///< a frame that is masked where it lies
  commit_id last_file_ = 0;                ///< where the last read ended; 0: nowhere
  mark last_;
};

}  // namespace fp
