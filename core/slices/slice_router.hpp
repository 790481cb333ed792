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

/// Answers searches of an index that lies in slices on the members of a cluster, and questions for one document,
/// which are searches of one slice here. Events in, effects out; knows no
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
///
/// Members change what they hold while searches go on. A search that finds nobody any more for a slice that
/// somebody held until lately begins anew as soon as somebody is known who does.
class slice_router {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  using duration = std::chrono::nanoseconds;

  struct options {
    uint32_t hedge_percent = 5;  ///< of all questions
    uint32_t hedges_at_once = 16;
    duration shortest_hedge = std::chrono::milliseconds(1);
    duration first_hedge = std::chrono::milliseconds(20);  ///< of a member that has answered too little to go by
    /// A member that is asked and says nothing to anybody for so long is pinged, and left out if it says nothing
    /// for so long again. One that has a long search to do says something.
    duration shortest_silence = std::chrono::milliseconds(50);
    /// How long a search waits for a slice that had a replica until lately: one that is restarted, or that gives
    /// its place to another one, is there again soon.
    duration longest_settling = std::chrono::seconds(2);
    /// How soon those who held it are asked again whether they do; doubled each time, up to `shortest_silence`.
    duration first_settling = std::chrono::milliseconds(2);
    size_t max_searches = 10'000;  ///< at one time; further ones are refused as `overloaded`
    uint64_t seed = 0;             ///< of draws and delays
  };

  struct query {
    time_point deadline;
    uint32_t limit = 0, score_pct = 0;
    commit_id min_version = 0;                 ///< replicas that are known to be there are asked first
    bool allow_partial = false;                ///< slices without an answer may be missing
    std::optional<document_id> document = {};  ///< its slice alone is asked, for that document
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
    std::string left_out;  ///< why; empty: it is not, or the next search tries it
  };
  /// Of all members, those that are gone among them.
  struct sums {
    uint64_t asked = 0, hedged = 0, failures = 0;
  };
  const sums& totals() const noexcept { return totals_; }
  /// Of a member that has been asked; else all zero.
  member_report report(member_number member, time_point now) const;

 private:
  struct member_state {
    explicit member_state(uint64_t seed) : delays(seed) {}

    latency_record latency;
    backoff delays;
    std::optional<time_point> out_until;  ///< it has failed, and was not found well again since
    bool is_tried = false;                ///< by a question that is on its way
    time_point silent_since;              ///< while it is asked
    bool is_watched = false, is_pinged = false;
    commit_id version = 0;   ///< the highest one that it has answered at, since the replicas were set
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
    size_t num_open = 0;                   ///< slices that an answer is waited for
    uint32_t begun = 0;                    ///< how often: earlier questions are of no interest
    std::optional<time_point> gives_up{};  ///< it has waited for a slice: not again after that
    std::optional<error> failure{};        ///< why it has begun anew, the last time
  };

  struct call_state {
    uint64_t search = 0;
    uint32_t begun = 0;  ///< of the search, when it was asked
    size_t slice_at = 0;
    member_number member = 0;
    time_point began;
    bool is_trial = false;
  };

  enum class timer : uint8_t { hedge, silence, settling, deadline };
  using timer_key = std::tuple<time_point, timer, uint64_t>;  ///< of a call, a member, a search

  /// The search that a question is of, unless that has ended or begun anew since.
  search_state* search_of(const call_state& call);
  slice_tiling tiling(const query& asked, time_point now) const;
  /// Asks one replica of each slice, has the search wait for one, or refuses it.
  void begin(uint64_t number, time_point now);
  void note_whole(time_point now);
  bool may_wait(const search_state& search, time_point now) const;
  void wait_for_slices(uint64_t number, const slice_tiling& known, time_point now);
  /// Begins waiting searches again if all slices have somebody, and refuses those that have waited long enough.
  void look_at_waiting(time_point now);
  void ask_for_holders(const slice_tiling& known, time_point now);
  void settle(time_point now);
  /// `fault`: of the slices that are known.
  void refuse_unserved(uint64_t number, const std::string& fault);
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
  void close_slice(uint64_t number, size_t slice_at, time_point now);
  void finish(uint64_t number);
  void refuse(uint64_t number, const error& why);
  void end_late(uint64_t number, time_point now);
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
  std::set<uint64_t> waiting_;            ///< searches that wait for slices
  bool is_settling_ = false;              ///< the timer is set
  duration settling_pause_{0};            ///< the next time
  std::optional<time_point> last_whole_;  ///< when all slices had somebody who is well
  uint64_t next_call_ = 1;
  sums totals_;
};

}  // namespace fp
