#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/cancel.hpp"
#include "core/commit/changes.hpp"
#include "core/fs/file_system.hpp"
#include "core/oplog/oplog_format.hpp"

namespace fp {

/// One log file, as replay found it or as appending left it.
struct logged_file {
  commit_id first = 0;
  uint64_t bytes = 0;
};

/// Reads the log files of a folder in order. Changes nothing.
class log_replayer {
 public:
  /// Takes a commit, with file and offset of its frame.
  using consumer = std::function<void(commit&&, const path& file, uint64_t offset)>;

  log_replayer(file_system& fs, const path& folder, commit_id after, const consumer& deliver,
               const cancel_flag* cancel, bool deliver_all = false)
      : fs_(fs), folder_(folder), after_(after), deliver_(deliver), cancel_(cancel), deliver_all_(deliver_all) {}

  void run();

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
  /// What was written last to the newest file, unless that is torn as a whole: its last frame, or its header.
  std::vector<std::byte> last_write;
  uint64_t last_write_offset = 0;

 private:
  void read_seal();
  void check_seal() const;
  [[noreturn]] void seal_mismatch(const std::string& what) const;
  static std::string describe(const logged_file& log);

  void read_log(logged_file& log, bool newest);

  /// Commits that no file holds may only be missing when they are not needed: `truncate` removes files in any
  /// order as far as a crash is concerned, and a log that ends before `after` goes on behind it.
  void check_start(commit_id first, const path& file) const;

  /// Delivers the commits of the frame at an offset and returns its size; 0 when the rest is a torn write.
  size_t read_frame(const path& file, std::span<const std::byte> bytes, size_t at, bool newest);

  void deliver_payload(const path& file, size_t at, const oplog_format::frame_header& header,
                       std::span<const std::byte> payload);

  file_system& fs_;
  const path& folder_;
  commit_id after_;
  const consumer& deliver_;
  const cancel_flag* cancel_;
  bool deliver_all_;  ///< also commits up to `after_`
};

}  // namespace fp
