#pragma once

#include "actors/environment.hpp"

namespace fp {

struct oplog_setup {
  environment_ptr env;
  std::string index;
  uint64_t attempt = 0;
  path folder;
  commit_id after = 0;  ///< the newest commit in file segments
  oplog_listener listener;
  cancel_flag_ptr cancel;
};

/// Keeps commits durable. Replays at start what no file segment holds, then appends: one batch, one sync.
///
///     index_coordinator --append(batch)--> oplog_actor --log size / error--> index_coordinator
///                       <--oplog_opened / load_failed--  (once, at start)
///
/// A batch without commits changes nothing: its answer tells whether the disk takes writes again.
struct oplog_state {
  static inline const char* name = "oplog_actor";

  oplog_handle::stateful_pointer<oplog_state> self;
  oplog_setup setup;
  std::unique_ptr<oplog> log;

  void open();
  caf::result<uint64_t> append(const commit_batch_ptr& batch);
  caf::result<uint64_t> truncate(commit_id durable);
  caf::result<done_atom> close();
};

oplog_handle::behavior_type oplog_actor(oplog_handle::stateful_pointer<oplog_state> self, oplog_setup setup);

}  // namespace fp
