#pragma once

#include <caf/all.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "app/support/request_deadlines.hpp"
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

  /// Asks an index, by the handle that it had last; when that one is being closed, the name is resolved again, as
  /// another index may have it by now.
  template <class Reply, class Then, class... Ts>
  void ask_index(const std::string& index, std::chrono::milliseconds timeout, Then then, failure fail,
                 Ts... message) {
    const bool was_known = indexes.count(index) > 0;
    with_index(
        index,
        [=, this](const local_index_handle& handle) {
          deadlines.request<Reply>(
              self, handle, timeout, [=](const Reply& reply) { then(reply); },
              [=, this](const caf::error& e) {
                if (!was_known || code_of(e) != errc::shutting_down) {
                  fail(e);
                  return;
                }
                forget(handle.address());
                ask_index<Reply>(index, timeout, then, fail, message...);
              },
              message...);
        },
        fail);
  }

  /// Resolves a name.
  void with_index(const std::string& index, std::function<void(const local_index_handle&)> then,
                  const failure& fail);
  void forget(const caf::actor_addr& address);

  pointer self = nullptr;
  node_handle node;
  request_deadlines deadlines;
  std::map<std::string, local_index_handle, std::less<>> indexes;
};

/// `node` is one of the same process.
bridge_handle::behavior_type gateway_bridge(bridge_state::pointer self, node_handle node);

}  // namespace fp

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(fp::bridge_call)
