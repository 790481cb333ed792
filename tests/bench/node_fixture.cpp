#include "tests/bench/node_fixture.hpp"

#include <spdlog/sinks/null_sink.h>

#include "actors/node_actor.hpp"

namespace fp::bench {

local_node::system_settings::system_settings() { register_messages(*this); }

local_node::local_node(const config& settings) : system_(settings_), pools_(system_, settings), self_(system_) {
  auto env = std::make_shared<environment>();
  env->settings = settings;
  env->pools = &pools_;
  env->log = std::make_shared<spdlog::logger>("bench", std::make_shared<spdlog::sinks::null_sink_mt>());
  auto folder = std::make_shared<data_folder>(posix_file_system(), settings.dir);
  node_ = system_.spawn(node_actor, node_setup{env, std::move(folder), "bench"});
}

local_node::~local_node() {
  self_->monitor(node_);
  caf::anon_send(node_, shutdown_atom_v);
  self_->receive([](const caf::down_msg&) {});
}

void local_node::create(const std::string& name) {
  ask<create_index_reply>(node_, create_index_request{name, false, caf::none});
}

index_handle local_node::resolve(const std::string& name) {
  // An answer to any create or delete comes after the data folder has been read.
  ask<delete_index_reply>(node_, delete_index_request{"no-such-index", false});
  return ask<index_handle>(node_, resolve_atom_v, name);
}

}  // namespace fp::bench
