#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "core/base/error.hpp"
#include "core/changelog/backoff.hpp"
#include "core/changelog/changelog.hpp"

namespace fp {

/// How a replica stands to its changelog.
enum class replica_state : uint8_t {
  filling = 1,  ///< it has not got what the changelog held when it began; nobody may search it
  following,    ///< it takes what comes
  waiting,      ///< the changelog or the index does not do what it is asked; it is asked again
  parked,       ///< the changelog contradicts what the replica holds: only a person can tell what to do
};

const char* to_string(replica_state state) noexcept;

struct replica_report {
  replica_state state = replica_state::filling;
  std::string why;                      ///< of `waiting` and `parked`, and of what is not known while `filling`
  feed_position applied = 0;            ///< the replica is as the changelog was here
  feed_position newest = 0;             ///< of the changelog, as far as anybody has told
  std::chrono::milliseconds behind{0};  ///< how long something newer has been known
  uint32_t attempts = 0;                ///< that have failed, one after the other
  /// Of the next one, while it is waited for.
  std::optional<std::chrono::steady_clock::time_point> next_try = {};
};

/// Why a replica wants another one in its place.
enum class base_wish : uint8_t {
  needed,    ///< the changelog begins later
  shorter,   ///< the changelog is long, and others may have in one piece what it tells
  at_start,  ///< the changelog tells of nothing, and may hold an index as a whole before its first change
};

/// What following a lineage wants done. Each is begun, not done, when its function returns.
class following_effects {
 public:
  virtual ~following_effects() = default;

  /// `read_done` tells of it.
  virtual void read(feed_position after, std::optional<uint64_t> tag) = 0;
  /// Tell by `compared` whether the index, which nothing is applied to meanwhile, holds what this change has made
  /// of it.
  virtual void compare(changes_ptr change) = 0;
  /// Apply changes as one commit at `position`, if the index is at `after`. `applied` or `apply_failed` tells.
  virtual void apply(uint64_t batch, feed_position after, feed_position position, changes_ptr changes) = 0;
  /// Another replica is to be fetched and put in this one's place. `why`: where the changelog begins, if that is
  /// the reason. `base_failed` tells that there is none.
  virtual void base_needed(base_wish wish, const std::string& why) = 0;
  /// Call `look` at this time, if not earlier.
  virtual void wake_at(std::chrono::steady_clock::time_point when) = 0;
  /// To be logged, and told to whoever asks how the replica stands.
  virtual void state_changed(const replica_report& now) = 0;
};

/// The decisions of one replica that follows its lineage: what is read and when, what is applied, what a failure
/// means. Events in, effects out; knows no actors and clocks.
///
///     read -> apply -> applied      one batch is read while the one before is applied, so two are in memory
///
/// Nothing is skipped or applied twice: a batch is applied behind the position of the one before it or not at all,
/// and after a failure reading begins behind what the index holds.
class feed_following {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  using duration = std::chrono::milliseconds;

  struct options {
    /// How often the changelog is asked by this replica while nothing is new; 0: somebody else asks for all and
    /// calls `heard_of`.
    duration poll{200};
    uint64_t seed = 0;  ///< of its delays after failures
    /// An empty replica of a long changelog asks for a base before it reads all of that.
    bool base_first = false;
    /// The changelog may hold everything at position 0: an empty replica of one that tells of nothing asks for
    /// that.
    bool whole_at_start = false;
    /// Before anything else, the change that a filled replica took last is read once more and compared with the
    /// index: a log that has lost its end may have other changes at its positions by now.
    bool compares_first = false;
  };

  /// `effects` must outlive it.
  feed_following(const options& o, following_effects& effects);

  /// The index is at `applied`. `filled`: it may be searched as it is.
  void start(feed_position applied, bool filled, time_point now);
  void read_done(feed_changes answer, time_point now);
  /// Nothing: the index cannot tell at the moment, and is asked again.
  void compared(std::optional<bool> holds, time_point now);
  void applied(uint64_t batch, time_point now);
  void apply_failed(uint64_t batch, const error& why, time_point now);
  /// No replica has what is missing, or none could give it. It is asked for again later. An empty `why`: there is
  /// nothing at the start.
  void base_failed(const std::string& why, time_point now);
  /// The changelog is known to go on up to here.
  void heard_of(feed_position newest, time_point now);
  /// Somebody waits for this position, which the changelog may have: it is asked soon, and then ever more rarely.
  void wanted(feed_position position, time_point now);
  /// Does what is due by now.
  void look(time_point now);

  replica_report report(time_point now) const;
  feed_position applied_position() const noexcept { return applied_; }

 private:
  struct batch_in_flight {
    uint64_t number = 0;
    feed_position position = 0;
    std::optional<uint64_t> tag;
  };

  void set_state(replica_state state, std::string why, time_point now);
  void park(const std::string& why, time_point now);
  void take(feed_changes answer, time_point now);
  /// Has the first of the changes compared, and keeps the others until then.
  void begin_comparison(feed_changes answer, time_point now);
  /// It is tried again, after a while.
  void wait(const std::string& why, time_point now);
  void note_success(time_point now);
  void want_base(base_wish wish, const std::string& why);
  void continue_reading(time_point now);
  void read_at(time_point when);
  /// Until the next question, of an answer with nothing more after which it would be `usual`; 0: there is none.
  duration pause_before_next(duration usual);
  void note_newest(feed_position newest, time_point now);
  void look_whether_filled(time_point now);
  /// Whether others have in one piece what it would take many reads to get.
  bool wants_base(const feed_changes& answer) const;

  options options_;
  following_effects& effects_;
  backoff delays_;

  replica_state state_ = replica_state::filling;
  std::string why_;
  bool filled_ = false, has_asked_for_base_ = false, has_nothing_at_start_ = false;
  std::optional<base_wish> wish_;
  feed_position applied_ = 0, newest_ = 0;
  std::optional<uint64_t> applied_tag_;
  feed_position read_to_ = 0;  ///< of what is applied or on its way
  std::optional<uint64_t> read_tag_;
  bool reading_ = false, read_is_stale_ = false;
  bool compares_ = false;                        ///< what was applied last has still to be compared
  std::optional<feed_changes> behind_compared_;  ///< while the index is asked
  bool apply_fails_ = false;  ///< the last one did: that reading works means nothing until one succeeds
  std::optional<feed_position> fill_to_;
  std::deque<batch_in_flight> in_flight_;
  uint64_t batches_ = 0;
  std::optional<time_point> next_read_, last_read_, behind_since_;
  feed_position wanted_ = 0;  ///< that somebody waits for
  duration eagerness_{0};     ///< how long the next question waits if that is not there yet
};

}  // namespace fp
