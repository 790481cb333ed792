#pragma once

#include <deque>

#include "actors/environment.hpp"
#include "actors/guarded_actor.hpp"
#include "actors/idle_timer.hpp"
#include "actors/worker_pool.hpp"
#include "core/backup/chunk_producer.hpp"

namespace fp {

using private_stream_handle = backup_stream_handle::extend<caf::reacts_to<tick_atom>, caf::reacts_to<work_atom>>;

struct backup_stream_setup {
  environment_ptr env;
  std::shared_ptr<chunk_producer> producer;
  std::string index;
  caf::strong_actor_ptr client;             ///< the stream ends with it; null: with nobody
  std::chrono::milliseconds idle_limit{0};  ///< 0: the client may be silent for any time
  unreadable_listener owner = {};
};

/// Sends one backup to one client, a piece a request, so that a slow client slows the reading and nothing piles up:
///
///     client --next--> backup_stream --piece--> client
///
/// Reads and verifies the snapshot's bytes, wherever they are, so it blocks. Holds the snapshot until it ends.
/// Where a piece takes long, because there is work before it, that is done in slices, so that who ends the stream
/// is heard.
struct backup_stream_state {
  static inline const char* name = "backup_stream";

  using pointer = guarded_pooled_pointer<private_stream_handle, backup_stream_state>;

  void init(pointer self_ptr, backup_stream_setup setup_values);
  caf::result<backup_piece> next();
  /// Makes the piece that was asked for first, or goes on with it.
  void work();
  backup_piece next_piece();
  void expire();

  pointer self = nullptr;
  backup_stream_setup setup;
  std::deque<caf::typed_response_promise<backup_piece>> asked;
  idle_timer idle;
};

private_stream_handle::behavior_type backup_stream(backup_stream_state::pointer self, backup_stream_setup setup);

}  // namespace fp
