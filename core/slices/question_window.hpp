#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

namespace fp {

/// When the questions for one peer are sent, and which of them together. A few messages are under way at a time;
/// what comes meanwhile is sent in one message as soon as anything of an earlier one has been answered: the more
/// there is to ask, the less a question costs (the idea of J. Nagle, RFC 896). A peer that takes its time holds up
/// nothing for longer than `patience`.
class question_window {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  struct options {
    size_t messages_at_once = 2;
    size_t questions_in_one = 64;
    std::chrono::nanoseconds patience = std::chrono::milliseconds(1);
  };

  question_window() : question_window(options()) {}
  explicit question_window(const options& o) : options_(o) {}

  /// Numbers must not repeat.
  void push(uint64_t question) { waiting_.push_back(question); }
  /// What is to be sent in one message now, oldest first; empty: nothing yet.
  std::vector<uint64_t> take(time_point now);
  /// When to take again, if nothing is answered earlier; nothing: after the next push.
  std::optional<time_point> due() const;
  /// It is answered, or nobody waits for it any more, whether it has been sent or not.
  void end(uint64_t question);
  void clear();

 private:
  bool is_full(time_point now) const;

  options options_;
  std::deque<uint64_t> waiting_;
  std::unordered_map<uint64_t, uint64_t> sent_;  ///< questions without an answer, with the number of their message
  std::set<uint64_t> open_;                      ///< messages of which nothing is answered yet
  uint64_t num_messages_ = 0;
  time_point last_sent_{};
};

}  // namespace fp
