#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/error.hpp"
#include "core/changelog/backoff.hpp"
#include "core/changelog/changelog.hpp"

namespace fp {

/// What writing to a lineage wants done. Each is begun, not done, when its function returns.
class append_effects {
 public:
  virtual ~append_effects() = default;

  /// `appended` or `append_refused` tells of it.
  virtual void append(std::shared_ptr<const std::vector<feed_append>> appends) = 0;
  /// The write is in the changelog and in the index.
  virtual void accept(uint64_t write, feed_position position) = 0;
  virtual void refuse(uint64_t write, const error& why) = 0;
  /// The changelog has grown up to here.
  virtual void heard_of(feed_position newest) = 0;
  /// Call `look` at this time, if not earlier.
  virtual void wake_at(std::chrono::steady_clock::time_point when) = 0;
};

/// A write to a replica, whose number is the caller's.
struct feed_write {
  uint64_t number = 0;
  feed_append append;
  std::chrono::steady_clock::time_point deadline;
};

/// Writes of one replica on their way into its lineage's changelog, and from there back into the replica: those
/// that wait go in one call, as the next ones gather, and are answered when the replica has applied them. Events
/// in, effects out; knows no actors and clocks.
///
/// What is in doubt is appended again, with its id, until somebody knows or its deadline comes; only then is it
/// refused, with `replication_timeout`: it may be in the log and appear later.
class append_queue {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  struct options {
    std::string index;  ///< its name, for messages
    size_t max_writes = 1'024, max_bytes = size_t{256} << 20;
    /// Whether appends may be sent again; see `changelog::resolves_doubt`.
    bool resolves_doubt = true;
    uint64_t seed = 0;  ///< of its delays after failures
  };

  /// `effects` must outlive it.
  append_queue(const options& o, append_effects& effects);

  /// Throws `overloaded` when too many wait, or too much.
  void push(feed_write write, time_point now);
  void appended(const std::vector<append_answer>& answers, time_point now);
  /// The call itself was wrong: nothing of it is in the log.
  void append_refused(const error& why, time_point now);
  /// The replica is at this position.
  void applied(feed_position position);
  void look(time_point now);
  /// Whoever waits hears why not.
  void stop(const error& why);

  /// Writes that are not answered yet.
  size_t size() const noexcept { return waiting_.size() + in_call_.size() + in_log_.size(); }

 private:
  struct queued {
    feed_write write;
    bool in_doubt = false;
  };

  void start_call(time_point now);
  void take(queued write, const append_answer& answer, time_point now);
  void expire(const queued& write);
  error late(const queued& write) const;
  static size_t bytes_of(const feed_write& write) { return write.append.changes->size(); }
  void forget(const queued& write) { bytes_ -= bytes_of(write.write); }

  options options_;
  append_effects& effects_;
  backoff delays_;
  std::deque<queued> waiting_;
  std::deque<queued> in_call_;
  std::multimap<feed_position, queued> in_log_;  ///< by where they are
  size_t bytes_ = 0;
  feed_position applied_ = 0;
  std::optional<time_point> next_call_;
  std::string last_failure_;
};

}  // namespace fp
