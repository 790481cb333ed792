#pragma once

#include <map>
#include <memory>
#include <vector>

#include "actors/environment.hpp"
#include "actors/wake_timer.hpp"

namespace fp {

/// Asks a changelog what is new, in one question for all lineages that anybody follows, and tells those who follow:
///
///     feed_follower --lineage--> feed_watch --newest_call--> changelog_actor
///                   <--newest position--
struct feed_watch_state {
  static inline const char* name = "feed_watch";

  using pointer = feed_watch_handle::stateful_pointer<feed_watch_state>;

  struct watched {
    lineage of;
    feed_follower_handle follower;
    feed_position told = 0;
  };

  void init(pointer self_ptr, environment_ptr env_ptr, changelog_handle changes);
  void watch(const lineage& of, const feed_follower_handle& follower);
  void forget(const caf::actor_addr& follower);
  void look();
  using lineages_ptr = std::shared_ptr<const std::vector<lineage>>;
  void tell(const lineages_ptr& of, const changelog::newest_answer& answer);
  void look_later();

  pointer self = nullptr;
  environment_ptr env;
  changelog_handle log;
  std::map<caf::actor_addr, watched> followers;
  /// What is asked for, and who each is told, as long as the followers stay the same: thousands cost a question
  /// each time otherwise.
  lineages_ptr asked;
  std::vector<watched*> told;
  bool asking = false, failing = false;
  wake_timer timer;
};

feed_watch_handle::behavior_type feed_watch(feed_watch_state::pointer self, environment_ptr env,
                                            changelog_handle log);

}  // namespace fp
