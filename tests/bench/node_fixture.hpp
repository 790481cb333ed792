#pragma once

#include <caf/all.hpp>

#include "actors/blocking_pools.hpp"
#include "actors/environment.hpp"

namespace fp::bench {

/// The actors of a node without its sockets: what is measured here is the index, not the network.
class local_node {
 public:
  explicit local_node(const config& settings);
  ~local_node();
  local_node(const local_node&) = delete;
  local_node& operator=(const local_node&) = delete;

  caf::scoped_actor& self() { return self_; }
  void create(const std::string& name);
  index_handle resolve(const std::string& name);

  template <class Reply, class Handle, class... Ts>
  Reply ask(const Handle& whom, Ts&&... what) {
    Reply reply;
    self_->request(whom, caf::infinite, std::forward<Ts>(what)...)
        .receive([&](Reply& r) { reply = std::move(r); },
                 [](const caf::error& e) { throw error(code_of(e), text_of(e)); });
    return reply;
  }

 private:
  struct system_settings : caf::actor_system_config {
    system_settings();
  } settings_;
  caf::actor_system system_;
  blocking_pools pools_;
  caf::scoped_actor self_;
  node_actor_handle node_;
};

}  // namespace fp::bench
