#pragma once

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "core/changelog/feed_reader.hpp"
#include "core/changelog/recent_appends.hpp"
#include "core/oplog/oplog.hpp"

namespace fp {

struct feed_log_options {
  uint64_t max_file_bytes = uint64_t{16} << 20;  ///< about the most that opening a log reads of each file
  size_t max_recent = 16'384;                    ///< appends whose ids are remembered
  // Not null; logs share them, so that they are bounded together.
  std::shared_ptr<open_files> files;
  std::shared_ptr<feed_window> window;
};

/// A durable log of appends whose positions are dense from 1, in one folder. Format: `local_format.hpp`. Serves one
/// thread. Throws `fp::error`.
class feed_log {
 public:
  /// An append, validated: changes of some number that is not 0.
  struct entry {
    append_id id{};
    std::span<const uint8_t> changes;
    uint64_t num_changes = 0;
  };
  /// Of those that one open reads at least.
  static constexpr size_t files_read_at_open = 2;

  /// Opens the log; without a folder it is empty, and the first append makes one. Only the newest files are read,
  /// or all of them with `deliver`, which is handed every append, in order. Throws as `oplog::open` does.
  feed_log(file_system& fs, path folder, const feed_log_options& options,
           const std::function<void(feed_position, std::span<const uint8_t>)>& deliver = {});
  ~feed_log();
  feed_log(const feed_log&) = delete;
  feed_log& operator=(const feed_log&) = delete;

  feed_position newest() const noexcept { return log_ ? log_->last_commit() : 0; }
  /// Changes up to here are not in the files any more.
  feed_position begin() const noexcept;
  /// The position of the last change of an append that is remembered: one of the newest `max_recent`, or, since the
  /// log was opened, of the newest two files.
  std::optional<feed_position> find(const append_id& id) const { return recent_.find(id); }
  size_t num_remembered() const noexcept { return recent_.size(); }

  /// Appends all or, when it throws, nothing, unless `is_broken()` then: by one write and one sync for each
  /// `max_frame_bytes`.
  void append(std::span<const entry> entries);
  /// Whether nobody knows what of a failed append is in the log; only opening it again tells.
  bool is_broken() const noexcept { return broken_; }

  void read(feed_position after, const read_limits& limits, const call_limits& call, feed_changes& out);
  /// Removes files of changes up to `floor` only.
  void truncate(feed_position floor);
  /// Makes the next open notice a shortened log. No append may follow.
  void close();

 private:
  static constexpr size_t max_frame_bytes = size_t{64} << 20;
  static constexpr size_t max_kept_bytes = size_t{64} << 10;

  void open(const std::function<void(feed_position, std::span<const uint8_t>)>& deliver);

  file_system& fs_;
  path folder_;
  feed_log_options options_;
  std::unique_ptr<oplog> log_;  ///< null: there is no folder yet
  feed_reader reader_;
  recent_appends recent_;
  bool broken_ = false;
};

}  // namespace fp
