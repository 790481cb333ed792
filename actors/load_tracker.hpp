#pragma once

#include <caf/actor_clock.hpp>
#include <vector>

#include "messages/internal.hpp"

namespace fp {

/// Book-keeping of one attempt to load an index: places segments by manifest position, so that the outcome does not
/// depend on the order of arrival, and counts progress.
class load_tracker {
 public:
  using time_point = caf::actor_clock::time_point;

  void begin(std::string index, uint64_t attempt, time_point now);
  void plan(const load_plan& plan);
  void advance(uint64_t bytes) { progress_.bytes_done += bytes; }
  /// Throws `internal_error` for a position that is unknown or already filled.
  void place(size_t position, segment_ptr segment);
  bool all_in() const noexcept { return planned_ && progress_.segments_done == progress_.segments_total; }
  void segments_in(time_point now) { progress_.segments_us = elapsed_us(now); }
  void replayed(uint64_t commits) { progress_.replayed_commits = commits; }
  /// Ends the attempt and lets go of the segments.
  void end(index_state state, std::string reason, time_point now);

  uint64_t attempt() const noexcept { return progress_.attempt; }
  /// Hands over the segments in manifest order.
  std::vector<segment_ptr> take_segments() { return std::exchange(segments_, {}); }

  load_progress progress(time_point now) const;
  /// Whether enough has happened since the last `true` for observers to hear of it: a segment, or 1 % of the bytes.
  bool worth_telling();

 private:
  uint64_t elapsed_us(time_point now) const;

  load_progress progress_;
  time_point started_;
  bool planned_ = false, ended_ = false;
  std::vector<segment_ptr> segments_;
  uint32_t told_segments_ = 0;
  uint64_t told_bytes_ = 0;
};

}  // namespace fp
