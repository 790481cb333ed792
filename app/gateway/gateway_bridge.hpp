#pragma once

#include <caf/all.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "app/asking/index_asker.hpp"
#include "app/asking/request_deadlines.hpp"
#include "messages/internal.hpp"

namespace fp {

struct bridge_state;

/// Work from an I/O thread: runs inside the bridge, where actors can be asked.
struct bridge_call {
  std::function<void(bridge_state&)> run;
};

using bridge_handle = caf::typed_actor<caf::reacts_to<bridge_call>, caf::reacts_to<expire_atom>>;

/// Asks actors on behalf of threads that are no actors, and remembers which index has which handle:
///
///     I/O thread --bridge_call--> here --request--> node, index --reply--> here --callback--> I/O thread
struct bridge_state {
  static inline const char* name = "gateway_bridge";

  using pointer = bridge_handle::stateful_pointer<bridge_state>;
  using failure = std::function<void(const caf::error&)>;

  /// Asks the node. One of the callbacks runs, inside the bridge.
  template <class Reply, class Then, class... Ts>
  void ask_node(std::chrono::milliseconds timeout, Then then, failure fail, Ts... message) {
    ask<Reply>(node, timeout, std::move(then), std::move(fail), std::move(message)...);
  }

  /// Asks any actor of this process, the same way.
  template <class Reply, class Handle, class Then, class... Ts>
  void ask(const Handle& whom, std::chrono::milliseconds timeout, Then then, failure fail, Ts... message) {
    deadlines.request<Reply>(
        self, whom, timeout, [then = std::move(then)](const Reply& reply) { then(reply); },
        [fail = std::move(fail)](const caf::error& e) { fail(e); }, std::move(message)...);
  }

  /// Asks an index, as `index_asker` does.
  template <class Reply, class Then, class... Ts>
  void ask_index(const std::string& index, std::chrono::milliseconds timeout, Then then, failure fail,
                 Ts... message) {
    indexes.ask<Reply>(
        index, timeout, [then = std::move(then)](const Reply& reply) { then(reply); },
        [fail = std::move(fail)](const caf::error& e, ask_phase) { fail(e); }, std::move(message)...);
  }

  pointer self = nullptr;
  node_handle node;
  request_deadlines deadlines;
  index_asker<pointer, local_index_handle> indexes;
};

/// `node` is one of the same process.
bridge_handle::behavior_type gateway_bridge(bridge_state::pointer self, node_handle node);

}  // namespace fp

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::bridge_call)
