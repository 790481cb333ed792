#pragma once

#include "actors/environment.hpp"
#include "actors/guarded_actor.hpp"
#include "actors/idle_timer.hpp"
#include "actors/worker_pool.hpp"
#include "core/backup/backup_restorer.hpp"

namespace fp {

using private_restore_handle = restore_handle::extend<caf::reacts_to<tick_atom>>;

struct restore_setup {
  environment_ptr env;
  staged_index staged;
  cancel_flag_ptr cancel;
  index_publisher node;
  catalog_handle catalog;
  caf::strong_actor_ptr client;  ///< the restore ends with it; null: with nobody
  path kept = {};                ///< folder for whole segments when it is given up; empty: they go
};

/// Takes one backup from one client, writes it into the folders of a staged index, and has it published:
///
///     client --piece--> restore_session --done--> client
///     client --finish-> restore_session --publish--> node_actor --> catalog_actor
///
/// Blocks on the disk. A client that is told of an error finds the name free and nothing left; however else the
/// session ends, its owner discards what was staged.
struct restore_session_state {
  static inline const char* name = "restore_session";

  using pointer = guarded_pooled_pointer<private_restore_handle, restore_session_state>;

  void init(pointer self_ptr, restore_setup setup_values);
  caf::result<done_atom> take(const backup_piece& piece);
  caf::result<restore_reply> finish();
  void publish(caf::typed_response_promise<restore_reply> promise, const backup_format::stream_header& header);
  /// Puts whole segments aside, as far as somebody wants them.
  void keep_segments();
  /// Discards everything else, answers why, and ends.
  template <class Reply>
  void refuse(caf::typed_response_promise<Reply> promise, const caf::error& why);
  /// Logs why, and ends.
  void give_up(const caf::error& why);
  void expire();

  pointer self = nullptr;
  restore_setup setup;
  std::unique_ptr<backup_restorer> restorer;  ///< null once the backup is complete or refused
  idle_timer idle;
};

private_restore_handle::behavior_type restore_session(restore_session_state::pointer self, restore_setup setup);

}  // namespace fp
