#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

namespace fp::http_detail {

/// What the connections of a server hold together, above what each may hold without being counted, and which of
/// them have waited for their clients the longest.
///
/// A client that sends its body slowly or does not read its answers keeps what it holds for as long as it likes. So
/// whenever more than the limit is held, the one that has waited longest is told to give up what it holds; clients
/// that come and go stay at the end of the line.
class held_bytes {
 public:
  using ticket = uint64_t;
  static constexpr ticket no_ticket = 0;

  explicit held_bytes(uint64_t limit) : limit_(limit) {}

  void change(uint64_t from, uint64_t to) noexcept { sum_->fetch_add(to - from, std::memory_order_relaxed); }
  uint64_t sum() const noexcept { return sum_->load(std::memory_order_relaxed); }
  /// For who may outlive the server.
  std::shared_ptr<const std::atomic<uint64_t>> shared_sum() const noexcept { return sum_; }
  bool has_room_for(uint64_t bytes) const noexcept { return bytes <= limit_ && sum() <= limit_ - bytes; }

  /// A connection begins to wait for its client. `give_up` is called at most once, from any thread.
  ticket begin_wait(std::function<void()> give_up) {
    std::lock_guard lock(mutex_);
    waiting_.emplace(++last_, std::move(give_up));
    return last_;
  }
  void end_wait(ticket t) {
    std::lock_guard lock(mutex_);
    waiting_.erase(t);
  }
  /// Tells the one that has waited longest.
  void give_up_oldest() {
    std::function<void()> give_up;
    {
      std::lock_guard lock(mutex_);
      if (waiting_.empty()) return;
      give_up = std::move(waiting_.begin()->second);
      waiting_.erase(waiting_.begin());
    }
    give_up();
  }

 private:
  const uint64_t limit_;
  const std::shared_ptr<std::atomic<uint64_t>> sum_ = std::make_shared<std::atomic<uint64_t>>(0);
  std::mutex mutex_;
  ticket last_ = no_ticket;
  std::map<ticket, std::function<void()>> waiting_;  ///< in the order in which they began
};

}  // namespace fp::http_detail
