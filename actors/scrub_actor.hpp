#pragma once

#include <deque>
#include <memory>
#include <optional>

#include "actors/environment.hpp"
#include "actors/worker_pool.hpp"
#include "core/check/segment_scrubber.hpp"

namespace fp {

struct scrub_setup {
  environment_ptr env;
  scrub_directory directory;
};

/// Verifies again, in the background, the files of all segments that a node serves: one actor and one rate for the
/// whole node, one file at a time, a small piece a tick. Rounds begin at least `scrub_interval_ms` after one
/// another, the first one that long after the start, as loading verifies everything. Where it does not, what it
/// left is verified at once, by a round for that alone; another one goes on afterwards.
///
///     node_actor --scrub--> scrub_actor          an index has been loaded that may not be verified
///     scrub_actor --scrub--> node_actor          whom to visit, when a round begins
///     scrub_actor --scrub--> index_coordinator   what it serves
///     scrub_actor --segment_scrubbed--> index_coordinator, which judges and reports
///
/// Between two messages it has nothing of an index but an open file, and that no longer than the index lives.
struct scrub_state {
  static inline const char* name = "scrub_actor";

  using pointer = pooled_pointer<scrub_handle, scrub_state>;
  using clock_time = caf::actor_clock::time_point;

  /// Loads, checkpoints and merges go first: while one runs anywhere in the node, the rate is so many times lower.
  static constexpr uint64_t slowdown = 4;
  static constexpr uint64_t max_piece_bytes = uint64_t{1} << 20;

  void init(pointer self_ptr, scrub_setup setup_values);
  void tick();
  void settings_changed();
  /// No rate is set.
  bool is_off() const;
  /// Loads have left something to be verified.
  void verify_unverified();
  void begin_round();
  void end_round();
  /// Puts the round away, for one of what is unverified.
  void suspend();
  void resume();
  void next_index();
  void visit(const caf::actor_addr& address, const scrub_target& target);
  /// Opens the next segment that is still served; false when there is none.
  bool next_segment();
  void next_piece();
  void report(const caf::error& damage);
  void index_down(const caf::down_msg& down);
  void index_done();
  void leave_index();
  size_t piece_bytes() const;
  /// How long reading so many bytes takes at the rate that holds now.
  caf::timespan cost_of(uint64_t bytes) const;
  void tick_at(clock_time when);
  /// When the piece that was read last has taken the time that it may.
  clock_time piece_ends() const;

  pointer self = nullptr;
  scrub_setup setup;

  // The round.
  bool in_round = false;
  bool only_unverified = false;   ///< it is for segments that nobody has verified since they were opened
  bool wants_unverified = false;  ///< the next one is
  clock_time round_began;
  uint64_t num_ticks = 0;               ///< ordered so far: the last one counts
  bool is_ticking = false;              ///< it is still to come
  std::deque<caf::actor_addr> indexes;  ///< still to be visited

  // The index that is being visited.
  scrubbed_index_handle index;
  path data;
  index_metrics_ptr metrics;
  std::string index_name;
  struct counts {
    size_t segments = 0, damaged = 0;
    uint64_t bytes = 0;
  } verified;
  std::deque<std::weak_ptr<const segment>> segments;  ///< still to be read
  std::weak_ptr<const segment> reading;               ///< the one that is being read
  std::unique_ptr<segment_scrubber> scrubber;
  clock_time piece_began;
  uint64_t piece_size = 0;

  /// A round that was put away: from the segment on that was being read.
  struct suspended_round {
    std::deque<caf::actor_addr> indexes;
    caf::actor_addr index;
    path data;
    index_metrics_ptr metrics;
    std::string index_name;
    counts verified;
    std::deque<std::weak_ptr<const segment>> segments;
  };
  std::optional<suspended_round> suspended;
};

scrub_handle::behavior_type scrub_actor(scrub_state::pointer self, scrub_setup setup);

}  // namespace fp
