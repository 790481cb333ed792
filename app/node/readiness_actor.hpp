#pragma once

#include <caf/all.hpp>
#include <functional>
#include <map>
#include <string>

#include "messages/internal.hpp"
#include "messages/types.hpp"

namespace fp {

/// Understands what a node tells its watcher, and the load progress of its indexes.
using readiness_handle = node_watcher::extend_with<progress_observer>::extend<
    // All listeners are open.
    caf::reacts_to<listening_atom>>;

/// Turns the states of a node's indexes into words for the service manager.
///
///     node_actor --index_list, index_state_changed, shutdown--> readiness_actor --resolve--> node_actor
///     index_coordinator --load_progress--> readiness_actor --KEY=VALUE lines--> a callback
///
///     main --listening--> readiness_actor
///
/// The node counts as ready, once and for all, when its listeners are open and no index is `loading` any more: one
/// that failed does not hold up the others, and is named in the status. Ends when the node shuts down.
struct readiness_state {
  static inline const char* name = "readiness_actor";

  using pointer = readiness_handle::stateful_pointer<readiness_state>;

  struct entry {
    index_state state = index_state::loading;
    bool observed = false;
    load_progress progress;
  };

  void states(const index_list& list);
  void state_changed(const index_entry& index);
  void progress(const load_progress& p);
  void shutting_down();

  /// Asks a loading index of the node that speaks for its progress.
  void observe(const std::string& index);
  bool loaded() const;
  void tell();
  std::string status() const;

  pointer self = nullptr;
  std::function<void(const std::string& assignments)> send;
  std::map<std::string, entry> indexes;
  bool scanned = false, listening = false, ready = false;
  std::string told;  ///< the last status
};

/// `send` is called with lines as `service_notifier::send` takes them.
readiness_handle::behavior_type readiness_actor(readiness_state::pointer self,
                                                std::function<void(const std::string& assignments)> send);

}  // namespace fp
