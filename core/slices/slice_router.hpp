#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "core/base/error.hpp"
#include "core/changelog/backoff.hpp"
#include "core/slices/hedge_budget.hpp"
#include "core/slices/latency_record.hpp"
#include "core/slices/replica_map.hpp"
#include "core/slices/slice_answers.hpp"

namespace fp {

/// What all slices have found.
struct routed_answer {
  std::vector<search_result> results;
  commit_id version = 0;       ///< the lowest one of the slices'
  std::vector<slice> missing;  ///< that gave no answer, of a search that allows it
};

/// What routing searches wants done. Each is begun, not done, when its function returns.
class routing_effects {
 public:
  virtual ~routing_effects() = default;

  /// Ask a member's replica; `answered` or `failed` tells, by the search's deadline at the latest.
  virtual void ask(uint64_t call, uint64_t search, member_number member, const slice& part) = 0;
  virtual void finished(uint64_t search, routed_answer answer) = 0;
  virtual void refused(uint64_t search, const error& why) = 0;
  /// Call `look` at this time, if not earlier.
  virtual void wake_at(std::chrono::steady_clock::time_point when) = 0;
  /// Ask a member for any word; `heard` tells of it.
  virtual void ping(member_number member) = 0;
  /// To be logged: the member is asked no more for a while, and why; empty: it is again.
  virtual void left_out(member_number member, const std::string& why) = 0;
};

/// Answers searches of an index that lies in slices on the members of a cluster. Events in, effects out; knows no
/// actors and clocks, so that simulations of large clusters run the same decisions.
///
///     search -> ask one replica of each slice -> answered -> ... -> finished
///
/// Of two replicas drawn at random the less loaded one is asked (Mitzenmacher: The power of two choices in
/// randomized load balancing, 2001). Where an answer takes longer than 95 of 100 of that member's, a second replica
/// is asked too, within a budget, and the first answer counts (Dean, Barroso: The tail at scale, 2013). A member
/// that fails, or that says nothing at all while it is asked, is left out for a growing while; what it was asked is
/// asked of others at once. Then one search at a time tries it, beside another replica, so that no client waits for
/// it. Of a slice whose members are all silent one is asked still: who has too much to do may be silent, too.
class slice_router {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  using duration = std::chrono::nanoseconds;

  struct options {
    uint32_t hedge_percent = 5;  ///< of all questions
    uint32_t hedges_at_once = 16;
    duration shortest_hedge = std::chrono::milliseconds(1);
    /// A member that is asked and says nothing to anybody for so long is pinged, and left out if it says nothing
    /// for so long again. One that has a long search to do says something.
    duration shortest_silence = std::chrono::milliseconds(50);
    size_t max_searches = 10'000;  ///< at one time; further ones are refused as `overloaded`
    uint64_t seed = 0;             ///< of draws and delays
  };

  struct query {
    time_point deadline;
    uint32_t limit = 0, score_pct = 0;
    commit_id min_version = 0;   ///< replicas that are known to be there are asked first
    bool allow_partial = false;  ///< slices without an answer may be missing
  };

  /// `effects` must outlive it.
  slice_router(const options& o, routing_effects& effects);

  /// The replicas that there are from now on.
  void set_replicas(std::span<const slice_replica> replicas, time_point now);

  /// `finished` or `refused` tells, by its deadline. Numbers of searches must not repeat.
  void search(uint64_t number, const query& asked, time_point now);
  void answered(uint64_t call, slice_answer answer, time_point now);
  void failed(uint64_t call, const error& why, time_point now);
  /// The member has said something that is no answer.
  void heard(member_number member, time_point now);
  /// Nobody waits for the search any more.
  void cancel(uint64_t search);
  /// Does what is due by now.
  void look(time_point now);

  const replica_map& replicas() const noexcept { return map_; }
  size_t num_searches() const noexcept { return searches_.size(); }
  /// Questions that have no answer yet, those of ended searches among them.
  size_t num_calls() const noexcept { return calls_.size(); }

  struct member_report {
    uint32_t in_flight = 0;
    duration mean{0}, percentile_95{0};
    uint64_t asked = 0, hedged = 0, failures = 0;
    std::string left_out;  ///< why; empty: it is not
  };
  /// Of a member that has been asked; else all zero.
  member_report report(member_number member) const;

 private:
  struct member_state {
    explicit member_state(uint64_t seed) : delays(seed) {}

    latency_record latency;
    backoff delays;
    std::optional<time_point> out_until;  ///< it has failed, and was not found well again since
    bool is_tried = false;                ///< by a question that is on its way
    time_point silent_since;              ///< while it is asked
    bool is_watched = false, is_pinged = false;
    bool is_silent = false;  ///< that is why it is left out
    member_report counts;
  };

  struct slice_state {
    slice part;
    std::vector<slice_replica> holders;
    std::vector<member_number> asked;
    uint32_t in_flight = 0;
    std::optional<slice_answer> answer;
    std::optional<error> failure;  ///< the last one
  };

  struct search_state {
    query asked;
    std::vector<slice_state> slices;
    std::vector<slice> missing;
    size_t num_open = 0;  ///< slices that an answer is waited for
  };

  struct call_state {
    uint64_t search = 0;
    size_t slice_at = 0;
    member_number member = 0;
    time_point began;
    bool is_trial = false;
  };

  enum class timer : uint8_t { hedge, silence, deadline };
  using timer_key = std::tuple<time_point, timer, uint64_t>;  ///< of a call, a member, a search

  member_state& state_of(member_number member);
  bool may_answer(const slice_replica& replica, time_point now) const;
  bool is_well(member_number member) const;
  /// The member to ask next, of those that have not been asked; nothing: there is none.
  std::optional<member_number> choose(const search_state& search, const slice_state& part, time_point now);
  void ask(uint64_t number, size_t slice_at, member_number member, time_point now);
  /// Asks one that is left out and due, beside the one that counts.
  void try_again(uint64_t number, size_t slice_at, time_point now);
  /// Asks another replica in the place of one that has failed.
  void ask_another(uint64_t number, size_t slice_at, time_point now);
  void hedge(uint64_t call, time_point now);
  void look_at_silence(member_number member, time_point now);
  void leave_out(member_number member, const std::string& why, bool is_silent, time_point now);
  void take_back(member_number member);
  /// The call's place is free again.
  call_state end_call(std::unordered_map<uint64_t, call_state>::iterator call, time_point now);
  static void note_word(member_state& m, time_point now);
  void close_slice(uint64_t number, size_t slice_at);
  void finish(uint64_t number);
  void refuse(uint64_t number, const error& why);
  void end_late(uint64_t number);
  void set_timer(time_point when, timer kind, uint64_t of);

  duration load_of(member_number member) const;

  options options_;
  routing_effects& effects_;
  hedge_budget budget_;
  std::mt19937_64 random_;
  replica_map map_;
  std::map<member_number, member_state> members_;
  std::unordered_map<uint64_t, search_state> searches_;
  std::unordered_map<uint64_t, call_state> calls_;
  std::set<timer_key> timers_;
  uint64_t next_call_ = 1;
};

}  // namespace fp
