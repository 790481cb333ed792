#pragma once

#include <map>
#include <optional>
#include <string>

#include "actors/environment.hpp"
#include "actors/feed_access.hpp"
#include "actors/wake_timer.hpp"
#include "core/changelog/lineage_catalog.hpp"

namespace fp {

struct meta_follower_setup {
  environment_ptr env;
  feed_access feed;
  replica_catalog_handle node;
  std::map<std::string, uint64_t> local;  ///< see `lineage_catalog::start`
};

/// Follows the meta feed for a node:
///
///     changelog_actor <--read_meta-- meta_follower --replica to make, replica to go--> node_actor
///
/// What is to be done is decided by `lineage_catalog`.
struct meta_follower_state : catalog_effects {
  static inline const char* name = "meta_follower";

  using pointer = meta_follower_handle::stateful_pointer<meta_follower_state>;
  using clock_time = caf::actor_clock::time_point;

  void init(pointer self_ptr, meta_follower_setup setup_values);
  void tick();
  clock_time now() const { return self->clock().now(); }
  void want(const replica_wanted& wanted);
  void tell_state();

  void read_meta(feed_position after) override;
  void create(const std::string& index, uint64_t generation) override { want({index, generation}); }
  void erase(const std::string& index) override { want({index, 0}); }
  void parked(const std::string& index, const std::string& why) override;
  void caught_up() override;
  void wake_at(clock_time when) override;
  void feed_failed(const std::string& why) override;

  pointer self = nullptr;
  meta_follower_setup setup;
  std::optional<lineage_catalog> catalog;
  std::string failure;
  wake_timer timer;
};

meta_follower_handle::behavior_type meta_follower(meta_follower_state::pointer self, meta_follower_setup setup);

}  // namespace fp
