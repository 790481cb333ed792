#pragma once

#include <vector>

#include "actors/environment.hpp"
#include "actors/worker_pool.hpp"
#include "core/oplog/log_replayer.hpp"

namespace fp {

struct oplog_setup {
  environment_ptr env;
  std::string index;
  uint64_t attempt = 0;
  path folder;
  commit_id after = 0;  ///< the newest commit in file segments
  oplog_listener listener;
  cancel_flag_ptr cancel;
  folder_lease_ptr lease;
  size_t slice_bytes = log_replayer::default_slice_bytes;
};

/// Keeps commits durable. Replays at start what no file segment holds, then appends: one batch, one sync.
///
///     index_coordinator --append(batch)--> oplog_actor --log size / error--> index_coordinator
///                       <--oplog_opened / load_failed--  (once, at start)
///
/// A replay reads the log a slice at a time, and slice builders make a memory segment of each, side by side:
///
///     oplog_actor --slice--> slice_builder x N --segment--> oplog_actor
///
/// At most N + 1 slices are in memory, one of them on its way to the next builder that is free, and each builder
/// keeps four times its largest slice to sort in: what a replay takes beyond the segments that remain is bounded by
/// (N + 1) slices and 4 N slices. The log itself is changed only when all of it was read and built.
///
/// A batch without commits changes nothing: its answer tells whether the disk takes writes again.
struct oplog_state {
  static inline const char* name = "oplog_actor";

  using pointer = pooled_pointer<oplog_handle, oplog_state>;

  /// What a replay is made of, until the log is open.
  struct replay {
    explicit replay(const oplog_setup& setup);

    log_replayer reader;
    bool all_read = false;
    std::shared_ptr<log_slice> ready;                ///< for the next builder that is free
    std::vector<std::shared_ptr<log_slice>> unused;  ///< to be filled again
    std::vector<slice_builder_handle> builders;      ///< all of them
    std::vector<slice_builder_handle> idle;
    std::vector<segment_ptr> segments;  ///< in the log's order; null: not built yet
    size_t num_building = 0;
  };

  pointer self = nullptr;
  oplog_setup setup;
  std::unique_ptr<replay> opening;
  std::unique_ptr<oplog> log;

  // -- Replay
  void start_opening();
  /// Reads and hands out as much as the bounds allow, and opens the log when nothing is left.
  void advance();
  void read_slice();
  bool hand_out();
  void built(size_t position, const std::shared_ptr<log_slice>& slice, const slice_builder_handle& builder,
             const segment_ptr& segment);
  void finish_opening();
  void fail_opening(const caf::error& why);
  void end_opening();

  // -- Requests
  caf::result<uint64_t> append(const commit_batch_ptr& batch);
  caf::result<uint64_t> truncate(commit_id durable);
  caf::result<done_atom> close();
};

oplog_handle::behavior_type oplog_actor(oplog_state::pointer self, oplog_setup setup);

}  // namespace fp
