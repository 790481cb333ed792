#pragma once

#include <spdlog/sinks/null_sink.h>

#include <caf/all.hpp>
#include <caf/io/middleman.hpp>
#include <memory>
#include <stdexcept>

#include "actors/blocking_pools.hpp"
#include "actors/node_actor.hpp"
#include "app/support/system_config.hpp"
#include "core/index/data_folder.hpp"

namespace fp::test {

/// A node in an actor system of its own, listening on loopback. Ends with the object.
class running_node {
 public:
  /// `port` 0 picks a free one.
  explicit running_node(const path& folder, uint16_t port = 0) {
    auto env = std::make_shared<environment>();
    env->settings.dir = folder.string();
    env->settings.threads = 1;
    env->log = std::make_shared<spdlog::logger>("test", std::make_shared<spdlog::sinks::null_sink_mt>());
    auto data = std::make_shared<data_folder>(posix_file_system(), env->settings.dir);
    system_ = std::make_unique<caf::actor_system>(settings_);
    pools_ = std::make_unique<blocking_pools>(*system_, env->settings);
    env->pools = pools_.get();
    node_ = system_->spawn(node_actor, node_setup{env, std::move(data), "test"});
    const auto listening = system_->middleman().publish(node_handle(node_), port, "127.0.0.1", true);
    if (!listening) throw std::runtime_error("cannot listen: " + to_string(listening.error()));
    port_ = *listening;
  }
  ~running_node() { stop(); }
  running_node(const running_node&) = delete;
  running_node& operator=(const running_node&) = delete;

  uint16_t port() const noexcept { return port_; }
  caf::actor_system& system() { return *system_; }
  node_handle handle() const { return node_; }

  /// Ends the node and closes its port and connections.
  void stop() {
    if (!system_) return;
    {
      caf::scoped_actor self{*system_};
      self->monitor(node_);
      self->send(node_, shutdown_atom_v);
      self->receive_while([ended = false]() mutable { return !std::exchange(ended, true); })(
          [](const caf::down_msg&) {});
    }
    node_ = node_actor_handle{};
    pools_.reset();
    system_.reset();
  }

 private:
  system_config settings_{1};
  std::unique_ptr<caf::actor_system> system_;
  std::unique_ptr<blocking_pools> pools_;
  node_actor_handle node_;
  uint16_t port_ = 0;
};

}  // namespace fp::test
