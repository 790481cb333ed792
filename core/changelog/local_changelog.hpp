#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/changelog/changelog.hpp"
#include "core/changelog/lineage_store.hpp"
#include "core/fs/file_system.hpp"

namespace fp {

struct local_changelog_options {
  uint64_t max_file_bytes = uint64_t{16} << 20;  ///< of a log file
  /// Lineages whose logs are held open: others are opened when they are asked for, by reading their newest two log
  /// files.
  size_t max_open_lineages = 1'024;
  size_t max_open_files = 64;
  /// Appends whose ids are remembered: of one lineage and of all together, some 80 bytes each. When they become too
  /// many, or too many lineages are open, the one that was used longest ago is closed; opened again, it remembers
  /// those of its newest two files.
  size_t max_recent_of_lineage = 16'384, max_recent = size_t{1} << 20;
};

/// The changelog of one process, in a folder of its own: whatever it answers with `done` is durable. Format:
/// `local_format.hpp`.
///
/// Lineages of indexes that were deleted have gone with all their files. A generation that the meta feed has not
/// reached is an empty changelog and takes appends, as it does at fpindex's coordinator; the operation that gets
/// that position begins it anew. So few such lineages are allowed that nobody can fill the disk with them by
/// mistake.
///
/// A truncation keeps the last change of every document and key (`read_limits::with_dropped`), and so needs time
/// and memory for all of them.
///
/// A failure that leaves in doubt whether something was written is resolved by the next call, which reads the log
/// again. No call ends within a write to the disk, whatever the deadline.
class local_changelog final : public changelog {
 public:
  static constexpr size_t max_lineages_ahead = 1'024;

  /// Opens what is in the folder, which is made if it is missing. Reads all of the meta feed, and no changelog.
  /// Throws `data_folder_locked`, `corrupt_data` with file and offset, `unsupported_format`, `io_error`.
  local_changelog(file_system& fs, path folder, const local_changelog_options& options = {});
  /// Seals the logs that are open, as far as that is possible.
  ~local_changelog() override;

  const std::string& name() const noexcept override { return name_; }
  bool resolves_doubt() const noexcept override { return true; }
  std::vector<append_answer> append(const lineage& l, std::span<const feed_append> appends,
                                    time_point deadline) override;
  feed_changes read(const lineage& l, feed_position after, const read_limits& limits, std::optional<uint64_t> tag,
                    time_point deadline) override;
  feed_bounds bounds(const lineage& l, time_point deadline) override;
  newest_answer newest(std::span<const lineage> lineages, time_point deadline) override;
  changelog_answer truncate(const lineage& l, feed_position floor, time_point deadline) override;
  /// `unsupported` while nothing has been dropped.
  bootstrap_answer open_bootstrap(const lineage& l, time_point deadline) override;
  meta_operations read_meta(feed_position after, uint32_t max_operations, time_point deadline) override;
  meta_answer create_index(const std::string& index, time_point deadline) override;
  meta_answer delete_index(const std::string& index, time_point deadline) override;
  void interrupt() noexcept override { interrupted_ = true; }

  /// Lineages whose logs are open.
  size_t num_open() const noexcept { return used_.size(); }

 private:
  struct entry {
    feed_bounds known;                     ///< as of the last use
    std::unique_ptr<lineage_store> store;  ///< null: not open
    std::list<lineage>::iterator used;     ///< in `used_` while it is open
  };

  call_limits limits(time_point deadline) const { return {deadline, &interrupted_}; }
  /// Runs a part of a call, and makes what it throws the answer.
  void attempt(changelog_answer& answer, const std::function<void()>& part);
  path folder_of_lineage(const lineage& l) const;
  bool exists(const lineage& l) const;
  /// Of a lineage that exists: whether it is ahead of the meta feed and nobody has written to it.
  bool is_untouched(const lineage& l) const { return l.generation > meta_->newest() && ahead_.count(l) == 0; }
  entry& opened(const lineage& l);
  void close(const lineage& l);
  static void note_use(entry& e);
  /// Has the next use read again what is there.
  void doubt(const lineage& l);
  void append_each(const lineage& l, std::span<const feed_append> appends, std::vector<append_answer>& answers);
  void open_meta();
  meta_answer put_operation(meta_operation::kind what, const std::string& index, time_point deadline);
  void remove_lineage(const lineage& l);

  file_system& fs_;
  path folder_;
  local_changelog_options options_;
  std::string name_;
  feed_log_options log_options_;
  std::unique_ptr<file_lock> lock_;
  std::atomic<bool> interrupted_ = false;

  std::unique_ptr<feed_log> meta_;  ///< null: to be read again
  std::map<std::string, uint64_t> generations_;
  std::set<lineage> ahead_;  ///< of generations that the meta feed has not reached, and there is a folder
  std::map<lineage, entry> entries_;
  std::list<lineage> used_;  ///< those that are open, the one used longest ago first
  size_t num_remembered_ = 0;
};

}  // namespace fp
