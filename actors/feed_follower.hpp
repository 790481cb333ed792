#pragma once

#include <map>
#include <optional>
#include <random>

#include "actors/base_fetch.hpp"
#include "actors/environment.hpp"
#include "actors/feed_access.hpp"
#include "actors/wake_timer.hpp"
#include "core/changelog/append_queue.hpp"
#include "core/changelog/feed_following.hpp"
#include "core/changelog/replica_base.hpp"
#include "core/slices/slice.hpp"

namespace fp {

struct feed_follower_setup {
  environment_ptr env;
  lineage of;
  feed_position applied = 0;  ///< the index is as the changelog was here
  bool filled = false;        ///< it may be searched as it is
  feed_access feed;
  slice part;  ///< that the index holds of the lineage
  replica_handle owner;
  replica_restorer restores;
  index_metrics_ptr metrics;
};

/// Follows a lineage for an index, and takes what is written to the index into the changelog:
///
///     changelog_actor <--read-- feed_follower --changes, position--> index_coordinator
///     index_coordinator --write--> feed_follower --append--> changelog_actor ... read ... applied --> client
///
///     feed_follower --spawns--> base_loader     when another node's replica is to take this one's place
///
/// What is read, applied, appended and when is decided by `feed_following` and `append_queue`.
struct feed_follower_state : following_effects, append_effects {
  static inline const char* name = "feed_follower";

  using pointer = feed_follower_handle::stateful_pointer<feed_follower_state>;
  using clock_time = caf::actor_clock::time_point;

  feed_follower_state() = default;
  /// Whoever waits for a write hears that nobody knows.
  ~feed_follower_state() override;
  void init(pointer self_ptr, feed_follower_setup setup_values);
  caf::result<update_reply> write(const local_update& update);
  void tick();
  void note_numbers();
  void tell_owner(const replica_report& report);
  void base_advanced(const base_progress& p);
  clock_time now() const { return self->clock().now(); }

  void read(feed_position after, std::optional<uint64_t> tag) override;
  void compare(changes_ptr change) override;
  /// Asks the index; `compared` gets what `holds` makes of the reply: null when there is no such document.
  template <class Reply, class Request>
  void compare_by(const Request& request, std::function<bool(const Reply*)> holds);
  void apply(uint64_t batch, feed_position after, feed_position position, changes_ptr changes) override;
  void base_needed(base_wish wish, const std::string& why) override;
  void base_ended(const std::string& why);
  void state_changed(const replica_report& report) override;

  void append(std::shared_ptr<const std::vector<feed_append>> appends) override;
  void accept(uint64_t write, feed_position position) override;
  void refuse(uint64_t write, const error& why) override;
  void heard_of(feed_position newest) override;

  void wake_at(clock_time when) override;

  pointer self = nullptr;
  feed_follower_setup setup;
  std::optional<feed_following> following;
  std::optional<append_queue> appends;
  std::map<uint64_t, caf::typed_response_promise<update_reply>> writers;
  uint64_t num_writes = 0;
  std::mt19937_64 random{std::random_device()()};
  wake_timer timer;
  base_fetch base;
  base_progress progress;   ///< of it
  std::string base_reason;  ///< why it is needed
  uint32_t told_attempts = 0;
  std::optional<clock_time> told_next_try;
};

feed_follower_handle::behavior_type feed_follower(feed_follower_state::pointer self, feed_follower_setup setup);

}  // namespace fp
