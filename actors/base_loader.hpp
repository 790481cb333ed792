#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/environment.hpp"
#include "actors/worker_pool.hpp"
#include "core/changelog/bootstrap_base.hpp"
#include "core/changelog/feed_following.hpp"
#include "core/changelog/held_segments.hpp"
#include "core/changelog/replica_base.hpp"
#include "core/index/snapshot.hpp"
#include "core/slices/slice.hpp"

namespace fp {

struct base_loader_setup {
  environment_ptr env;
  lineage of;
  slice part = {};                     ///< of it that is wanted
  snapshot_ptr own = {};               ///< that holds it and more, of the replica; null: nothing does
  uint64_t replaced = 0;               ///< generation of the replica whose place it takes
  feed_position after = 0;             ///< what the replica has already
  std::shared_ptr<base_source> peers;  ///< null: there are none
  std::shared_ptr<changelog> feed;     ///< asked for a bootstrap stream when no peer helps; null: it has none
  std::string feed_name;
  cancel_flag_ptr cancel = {};  ///< set when nobody wants it any more; null: that does not happen
  bool may_replay = false;      ///< when that does not help either: reads the changelog from its beginning
  /// Of one at the start, the changelog's stream alone is asked for.
  base_wish wish = base_wish::needed;
  changelog_handle log;
  replica_restorer restores;
  base_listener owner;
};

/// Brings an index from another node that follows the same changelog, and has it take the place of the replica; a
/// slice of what the replica holds already comes from there.
///
///     base_loader --bounds--> changelog_actor            which donors are fresh enough
///     base_loader --replica_restore--> backup_desk --> restore_session <--pieces-- base_loader <--HTTP-- donor
///     base_loader --base_progress--> owner
///
/// A donor that breaks is replaced by the next one, and the last one by the changelog itself: its bootstrap stream,
/// or all that it holds. Segments of ours that have come whole stay in a folder and do not come again, neither from
/// the next donor nor when somebody tries again later.
/// Blocks on the network. Tells its owner when none could help, without a reason if the changelog has nothing at
/// its start; when one could, the owner has been replaced with the index.
struct base_loader_state {
  static inline const char* name = "base_loader";

  using pointer = pooled_pointer<base_loader_handle, base_loader_state>;

  /// Ends a call that is going on.
  ~base_loader_state();
  void init(pointer self_ptr, base_loader_setup setup_values);
  void choose();
  /// Asks the peers what they have.
  void probe();
  void try_next();
  /// Cuts the wanted slice out of what is here.
  void try_own();
  void try_donor();
  /// The same for the changelog's own stream, if it has one.
  void try_feed();
  /// The same for its changes.
  void replay();
  void replay_on();
  void take_changes(const feed_changes& answer);
  /// Looks at what the donor begins to send.
  void begin(std::unique_ptr<base_stream> from);
  void take_restore();
  void send_piece();
  void finish();
  /// The donor is of no use.
  void give_up_donor(const std::string& why);
  void go_on();
  void someone_down(const caf::down_msg& down);
  /// Nobody could help.
  void fail(const std::string& why);
  void tell_progress(uint64_t bytes, uint64_t total);
  path folder(const char* what) const;

  enum class source : uint8_t { own, peer, stream, changes };

  pointer self = nullptr;
  base_loader_setup setup;
  steady_clock::time_point deadline;
  base_need need;
  bool has_chosen = false;
  source now_from = source::peer;
  std::deque<peer_report> donors;  ///< not asked yet
  peer_report current;
  std::string failures;
  std::optional<held_segments> held;
  std::unique_ptr<base_stream> stream;
  std::optional<bulk_loader> changes;  ///< that have been read
  feed_position read_to = 0;
  std::vector<uint8_t> first;  ///< bytes that have been looked at
  restore_handle session;
  bool session_ended = false, awaits_session = false;
  bool keeps_segments = false;  ///< of the current donor, when it breaks
  bool finishing = false;       ///< the index is on its way to its place
  uint64_t offset = 0, total = 0, told = 0;
};

base_loader_handle::behavior_type base_loader(base_loader_state::pointer self, base_loader_setup setup);

}  // namespace fp
