#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "actors/environment.hpp"
#include "actors/worker_pool.hpp"
#include "core/changelog/replica_base.hpp"

namespace fp {

struct base_loader_setup {
  environment_ptr env;
  lineage of;
  feed_position after = 0;             ///< what the replica has already
  std::shared_ptr<base_source> peers;  ///< null: there are none
  std::shared_ptr<changelog> feed;     ///< asked for a bootstrap stream when no peer helps; null: it has none
  changelog_handle log;
  replica_restorer restores;
  base_listener owner;
};

/// Brings an index from another node that follows the same changelog, and has it take the place of the replica:
///
///     base_loader --bounds--> changelog_actor            which donors are fresh enough
///     base_loader --replica_restore--> backup_desk --> restore_session <--pieces-- base_loader <--HTTP-- donor
///
/// A donor that breaks is replaced by the next one, and the last one by the changelog's own bootstrap stream.
/// Blocks on the network. Tells its owner when none could help; when one could, the owner has been replaced with
/// the index.
struct base_loader_state {
  static inline const char* name = "base_loader";

  using pointer = pooled_pointer<base_loader_handle, base_loader_state>;

  /// Ends a call that is going on.
  ~base_loader_state();
  void init(pointer self_ptr, base_loader_setup setup_values);
  void choose();
  void try_next();
  /// Takes a restore for what the donor begins to send.
  void begin(std::unique_ptr<base_stream> from);
  /// The same for the changelog's own stream, if it has one.
  void try_feed();
  void send_piece();
  void finish();
  /// The donor is of no use.
  void give_up_donor(const std::string& why);
  /// Nobody could help.
  void fail(const std::string& why);

  pointer self = nullptr;
  base_loader_setup setup;
  steady_clock::time_point deadline;
  feed_position floor = 0;
  bool has_chosen = false, is_from_feed = false;
  std::deque<peer_report> donors;  ///< not asked yet
  peer_report current;
  std::string failures;
  std::unique_ptr<base_stream> stream;
  std::vector<uint8_t> first;  ///< bytes that have been looked at
  restore_handle session;
  bool finishing = false;  ///< the index is on its way to its place
  uint64_t offset = 0;
};

base_loader_handle::behavior_type base_loader(base_loader_state::pointer self, base_loader_setup setup);

}  // namespace fp
