#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <queue>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "core/slices/slice_router.hpp"

namespace fp::test {

/// Members of a cluster that answer a router's questions, in virtual time. Each has some cores, on which searches
/// wait for their turns.
class simulated_cluster : public routing_effects {
 public:
  using time_point = slice_router::time_point;
  using duration = slice_router::duration;
  using random_engine = std::mt19937_64;

  enum class condition {
    well,
    frozen,  ///< says nothing; what it has been asked is answered when it is well again
    gone,    ///< refuses at once
    cut,     ///< says nothing; what it is asked is lost, which is known when it is well again
  };

  struct member {
    slice part;
    commit_id version = 1;
    condition now_is = condition::well;
    std::function<duration(random_engine&)> service;  ///< one search on one core
    std::function<void(slice_answer&)> change;        ///< of a member that lies
    std::optional<errc> refusal;                      ///< of all it is asked
    std::vector<time_point> cores;                    ///< when they are free
    std::vector<std::function<void()>> held;          ///< until it is well again
    uint64_t asked = 0, pinged = 0;
    bool is_draining = false;
  };

  struct outcome {
    std::optional<routed_answer> answer;
    std::optional<error> refusal;
    duration took{0};
  };

  struct left_out_event {
    member_number who;
    std::string why;
  };

  explicit simulated_cluster(const slice_router::options& o = {}) : random_(o.seed + 1), router_(o, *this) {
    after(heartbeat, [this] { beat(); });
  }

  member_number add(const slice& part, std::function<duration(random_engine&)> service, size_t cores = 2) {
    members_.push_back({part, 1, condition::well, std::move(service), {}, {}, std::vector<time_point>(cores), {}});
    return static_cast<member_number>(members_.size() - 1);
  }
  /// Tells the router who there is.
  void announce() {
    std::vector<slice_replica> replicas;
    for (size_t i = 0; i < members_.size(); ++i) {
      replicas.push_back(
          {static_cast<member_number>(i), members_[i].part, members_[i].version, true, members_[i].is_draining});
    }
    router_.set_replicas(replicas, now_);
  }
  void set(member_number who, condition c) {
    members_[who].now_is = c;
    if (c == condition::well) {
      for (const auto& act : std::exchange(members_[who].held, {})) act();
    }
  }

  /// What every search finds.
  void store(document_id id, uint32_t score) { documents_[id] = score; }
  /// What slices that hold these documents find.
  std::vector<search_result> find(const slice& part, uint32_t limit) const {
    std::vector<search_result> out;
    for (const auto& [id, score] : documents_) {
      if (part.contains(id)) out.push_back({id, score});
    }
    std::ranges::sort(
        out, [](const auto& a, const auto& b) { return std::pair(b.score, a.id) < std::pair(a.score, b.id); });
    if (out.size() > limit) out.resize(limit);
    return out;
  }

  uint64_t search(duration allowed = std::chrono::milliseconds(500), uint32_t limit = 40,
                  bool allow_partial = false, commit_id min_version = 0) {
    return begin({now_ + allowed, limit, 0, min_version, allow_partial});
  }
  /// Asks for one document; members answer with all that their slices hold, as to a search.
  uint64_t look_for(document_id document, duration allowed = std::chrono::milliseconds(500)) {
    return begin({now_ + allowed, 40, 0, 0, false, document});
  }

  void at(time_point when, std::function<void()> act) { events_.push({when, next_event_++, std::move(act)}); }
  void after(duration wait, std::function<void()> act) { at(now_ + wait, std::move(act)); }
  /// Lets time pass.
  void run_for(duration time) {
    const auto end = now_ + time;
    while (!events_.empty() && events_.top().when <= end) {
      auto next = std::move(const_cast<event&>(events_.top()));
      events_.pop();
      now_ = std::max(now_, next.when);
      next.act();
    }
    now_ = end;
  }
  time_point now() const { return now_; }

  slice_router& router() { return router_; }
  member& at_member(member_number who) { return members_[who]; }
  random_engine& random() { return random_; }
  /// Of ended searches.
  std::map<uint64_t, outcome> outcomes;
  std::vector<left_out_event> events_of_members;
  duration network = std::chrono::microseconds(50);  ///< one way
  bool check_parts = false;                          ///< who holds another slice than he is asked for refuses

  void ask(uint64_t call, uint64_t search, member_number who, const slice& part) override {
    auto& m = members_[who];
    m.asked++;
    // As whoever asks remote actors does.
    at(deadlines_[search] + std::chrono::milliseconds(10),
       [this, call] { router_.failed(call, error(errc::request_timeout, "no answer in time"), now_); });
    if (m.now_is == condition::gone || (check_parts && m.part != part)) {
      fail_later(call, errc::unreachable);
    } else if (m.now_is == condition::cut) {
      m.held.push_back([this, call] { fail_later(call, errc::unreachable); });
    } else {
      if (m.refusal) {
        fail_later(call, *m.refusal);
        return;
      }
      const auto core = std::ranges::min_element(m.cores);
      *core = std::max(*core, now_ + network) + m.service(random_);
      slice_answer answer{find(part, limits_[search]), m.version};
      if (m.change) m.change(answer);
      at(*core + network, [=, this] { tell(who, [=, this] { router_.answered(call, answer, now_); }); });
    }
  }
  void ping(member_number who) override {
    members_[who].pinged++;
    if (members_[who].now_is == condition::cut || members_[who].now_is == condition::gone) return;
    after(2 * network, [=, this] { tell(who, [=, this] { router_.heard(who, now_); }); });
  }
  void finished(uint64_t search, routed_answer answer) override { end(search).answer = std::move(answer); }
  void refused(uint64_t search, const error& why) override { end(search).refusal = why; }
  void wake_at(time_point when) override {
    if (wake_ && *wake_ <= when) return;
    wake_ = when;
    at(when, [this, when] {
      if (wake_ == when) wake_.reset();
      router_.look(now_);
    });
  }
  void left_out(member_number who, const std::string& why) override { events_of_members.push_back({who, why}); }

 private:
  struct event {
    time_point when;
    uint64_t number;
    std::function<void()> act;
    friend bool operator<(const event& a, const event& b) {
      return std::pair(b.when, b.number) < std::pair(a.when, a.number);
    }
  };

  static constexpr duration heartbeat = std::chrono::seconds(1);

  void beat() {
    for (member_number m = 0; m < members_.size(); ++m) {
      if (members_[m].now_is == condition::well) router_.heard(m, now_);
    }
    after(heartbeat, [this] { beat(); });
  }
  void fail_later(uint64_t call, errc code) {
    after(2 * network, [=, this] { router_.failed(call, error(code, "it is told to"), now_); });
  }
  void tell(member_number who, std::function<void()> act) {
    if (members_[who].now_is == condition::well) {
      act();
    } else {
      members_[who].held.push_back(std::move(act));
    }
  }
  uint64_t begin(const slice_router::query& query) {
    const auto number = next_search_++;
    began_[number] = now_;
    limits_[number] = query.limit;
    deadlines_[number] = query.deadline;
    router_.search(number, query, now_);
    return number;
  }
  outcome& end(uint64_t search) {
    auto& o = outcomes[search];
    if (o.answer || o.refusal) repeated++;
    o.took = now_ - began_.at(search);
    return o;
  }

 public:
  size_t repeated = 0;  ///< searches that ended twice

 private:
  random_engine random_;
  time_point now_{};
  std::priority_queue<event> events_;
  uint64_t next_event_ = 0, next_search_ = 1;
  std::optional<time_point> wake_;
  std::vector<member> members_;
  std::map<document_id, uint32_t> documents_;
  std::map<uint64_t, time_point> began_, deadlines_;
  std::map<uint64_t, uint32_t> limits_;
  slice_router router_;
};

}  // namespace fp::test
