#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace fp {

/// When the replies to one peer are sent, whose questions come several in a message: as soon as all of a message
/// are answered, with what there is for others, and else a little after the first reply, so that no search waits
/// for a longer one beside it.
template <class Reply>
class reply_batches {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  static constexpr std::chrono::milliseconds patience{1};
  static constexpr size_t most_replies = 64;

  /// A message with so many questions, one or more. Returns its number.
  uint64_t begin(size_t questions) {
    open_.emplace(++num_messages_, questions);
    return num_messages_;
  }
  /// A reply to a question of a message. Returns whether to send now what `take` returns.
  bool add(uint64_t message, Reply reply, time_point now) {
    if (ready_.empty()) first_ = now;
    ready_.push_back(std::move(reply));
    const auto open = open_.find(message);
    if (--open->second == 0) open_.erase(open);
    return !open_.contains(message) || ready_.size() >= most_replies || now >= first_ + patience;
  }
  std::vector<Reply> take() { return std::exchange(ready_, {}); }
  /// When to send what there is; nothing: there is nothing.
  std::optional<time_point> due() const { return ready_.empty() ? std::nullopt : std::optional(first_ + patience); }
  /// No question is open, and no reply waits.
  bool is_idle() const noexcept { return open_.empty() && ready_.empty(); }

 private:
  std::map<uint64_t, size_t> open_;  ///< messages, with the number of questions without a reply
  uint64_t num_messages_ = 0;
  std::vector<Reply> ready_;
  time_point first_{};
};

}  // namespace fp
