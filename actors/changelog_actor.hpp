#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "actors/environment.hpp"
#include "actors/worker_pool.hpp"

namespace fp {

struct changelog_setup {
  environment_ptr env;
  /// Makes an engine, which does not connect to anything before it is asked something.
  std::function<std::shared_ptr<changelog>()> make;
  size_t num_connections = 1;  ///< engines that are asked side by side
  std::chrono::milliseconds call_timeout{10'000};
};

/// Asks an engine, which may block, one question after the other. Ends when it is told to.
struct changelog_worker_state {
  static inline const char* name = "changelog_worker";

  std::shared_ptr<changelog> engine;
  std::chrono::milliseconds timeout{};
};

changelog_handle::behavior_type changelog_worker(pooled_pointer<changelog_handle, changelog_worker_state> self,
                                                 std::shared_ptr<changelog> engine,
                                                 std::chrono::milliseconds timeout);

/// The node's way to its changelog: hands each question to the worker that has the fewest.
///
///     meta_follower, feed_follower, gateway --question--> changelog_actor --> changelog_worker x N --> engine
///
/// A question that finds too many before it is `unavailable` at once.
struct changelog_state {
  static inline const char* name = "changelog_actor";

  using pointer = changelog_handle::stateful_pointer<changelog_state>;

  struct worker {
    changelog_handle handle;
    std::shared_ptr<changelog> engine;
    size_t num_questions = 0;
  };

  /// Ends questions that are on their way.
  ~changelog_state();
  void init(pointer self_ptr, changelog_setup setup_values);
  void worker_down(const caf::down_msg& down);
  template <class Call>
  caf::result<typename Call::answer> ask(const Call& call);

  pointer self = nullptr;
  changelog_setup setup;
  std::vector<worker> workers;
};

changelog_handle::behavior_type changelog_actor(changelog_state::pointer self, changelog_setup setup);

}  // namespace fp
