#pragma once

#include <memory>

#include "actors/environment.hpp"
#include "actors/feed_access.hpp"
#include "actors/folder_gate.hpp"

namespace fp {

/// What an index coordinator is given.
struct coordinator_setup {
  environment_ptr env;
  index_record record;
  index_folders folders;
  loader_budget_handle budget;
  node_listener listener;
  std::shared_ptr<folder_gate> gate;
  /// Start as failed, with this reason, until somebody asks for a reload.
  caf::error start_failed;
  backup_desk_handle backups = {};
  record_source records = {};  ///< asked at a reload when the record could not be read at the start
  feed_access feed = {};
};

}  // namespace fp
