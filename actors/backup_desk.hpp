#pragma once

#include <map>
#include <set>

#include "actors/environment.hpp"
#include "actors/guarded_actor.hpp"

namespace fp {

struct backup_desk_setup {
  environment_ptr env;
  catalog_handle catalog;
  index_publisher node;
};

/// Runs the backups and restores of a node, each in an actor of its own, and bounds their numbers:
///
///     index_coordinator --stream_task--> backup_desk --spawns--> backup_stream <--pieces--> client
///     node_actor --restore_request--> backup_desk --stage--> catalog_actor
///                                     backup_desk --spawns--> restore_session <--pieces--> client
///                                     backup_desk --discard--> catalog_actor, when a restore has ended
struct backup_desk_state {
  static inline const char* name = "backup_desk";

  using pointer = guarded_pointer<backup_desk_handle, backup_desk_state>;

  struct running_restore {
    staged_index staged;
    cancel_flag_ptr cancel;
  };

  /// However the actor ends: who works for it stops soon.
  ~backup_desk_state();
  void init(pointer self_ptr, backup_desk_setup setup_values);
  caf::result<snapshot_reply> open_stream(const stream_task& task);
  /// `what`: a `restore_request`, or the `replica_restore` of a replica. `kept`: see `restore_setup`.
  template <class What>
  caf::result<restore_handle> open_restore(const What& what, const path& kept);
  caf::expected<restore_handle> start_restore(const staged_index& staged, const caf::strong_actor_ptr& client,
                                              const path& kept);
  void child_down(const caf::down_msg& down);
  void discard(const staged_index& staged);
  void close();
  void end_when_idle();

  pointer self = nullptr;
  backup_desk_setup setup;
  std::set<caf::actor_addr> streams;
  std::map<caf::actor_addr, running_restore> restores;
  uint32_t folder_requests = 0;  ///< restores that are not begun yet, or not discarded yet
  bool closing = false;
};

backup_desk_handle::behavior_type backup_desk(backup_desk_state::pointer self, backup_desk_setup setup);

}  // namespace fp
