#pragma once

#include <memory>

#include "core/changelog/feed_base.hpp"
#include "core/changelog/feed_log.hpp"

namespace fp {

/// All that is kept of one lineage: its log from the floor on, and what the changes up to the floor have made.
/// Format: `local_format.hpp`. Serves one thread. Throws `fp::error`.
class lineage_store {
 public:
  /// Opens what is in the folder, if anything is, and removes what a truncation has left behind.
  lineage_store(file_system& fs, path folder, const feed_log_options& options);

  feed_log& log() noexcept { return log_; }
  feed_position floor() const noexcept { return floor_; }

  /// Adds changes behind `after`, which is at most the newest position, and below the floor only when the limits
  /// say so. Some, if there are any.
  void read(feed_position after, const read_limits& limits, const call_limits& call, feed_changes& out);
  /// Raises the floor to `floor`, at most the newest position, and removes what is not needed then.
  /// `in_doubt_error`: only a new store can tell which floor there is; after any other error it is as before.
  void truncate(feed_position floor, const call_limits& call);

 private:
  std::unique_ptr<feed_base> open_base(feed_position floor) const;
  void sweep() noexcept;

  file_system& fs_;
  path folder_;
  feed_log_options options_;
  feed_position floor_ = 0;
  std::unique_ptr<feed_base> base_;  ///< null: nothing has been dropped
  feed_log log_;
};

}  // namespace fp
