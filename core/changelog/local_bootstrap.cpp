#include "core/changelog/local_bootstrap.hpp"

#include <algorithm>

namespace fp {

bootstrap_stream::part local_bootstrap::next(std::chrono::steady_clock::time_point deadline) {
  part result;
  if (after_ >= position_) return result;
  // Who has read all of it could not go on behind a position that is below the floor by then.
  const feed_bounds now = from_.bounds(lineage_, deadline);
  static_cast<changelog_answer&>(result) = now;
  if (!result.is_done()) return result;
  if (now.floor > position_) {
    refuse(result, changelog_status::unavailable,
           to_string(lineage_) + ": changes up to position " + std::to_string(now.floor) +
               " were dropped meanwhile; what was read goes up to " + std::to_string(position_));
    return result;
  }
  read_limits limits;
  limits.with_dropped = true;
  limits.max_changes = static_cast<uint32_t>(std::min<uint64_t>(limits.max_changes, position_ - after_));
  feed_changes read = from_.read(lineage_, after_, limits, std::nullopt, deadline);
  keep_up_to(read, position_);
  static_cast<changelog_answer&>(result) = read;
  after_ = read.positions.empty() ? position_ : read.positions.back();
  result.changes = std::move(read.changes);
  return result;
}

}  // namespace fp
