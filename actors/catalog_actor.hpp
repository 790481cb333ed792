#pragma once

#include "actors/environment.hpp"
#include "actors/worker_pool.hpp"

namespace fp {

/// Creates, deletes and finds index folders, so that nobody else waits for the disk while it does:
///
///     node_actor  --scan / create / erase / remove / publish--> catalog_actor
///     backup_desk --stage / discard--> catalog_actor
///
/// Holds the lock on the data folder as long as it lives.
struct catalog_state {
  static inline const char* name = "catalog_actor";

  environment_ptr env;
  std::shared_ptr<data_folder> folder;

  caf::result<scan_result_ptr> scan();
  caf::result<index_record, bool> create(const create_index_request& request);
  caf::result<index_record, bool> create_replica(const lineage& of);
  caf::result<done_atom> mark_filled(const index_record& record);
  caf::result<index_record> find(const std::string& index);
  caf::result<erased_index> erase(const std::string& name);
  caf::result<done_atom> remove(const index_record& record);
  caf::result<staged_index> stage(const restore_request& request);
  caf::result<staged_index> stage_replica(const replica_restore& wanted);
  caf::result<done_atom> publish(const staged_index& staged);
};

/// `folder` is opened by the caller, so that a folder that cannot be used stops the start.
catalog_handle::behavior_type catalog_actor(pooled_pointer<catalog_handle, catalog_state> self, environment_ptr env,
                                            std::shared_ptr<data_folder> folder);

}  // namespace fp
