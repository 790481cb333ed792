#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "core/base/task_line.hpp"

namespace fp::test {

/// Helpers that have nothing else to do.
class helper_pool final : public helper_threads {
 public:
  explicit helper_pool(size_t num_threads) {
    for (size_t i = 0; i < num_threads; i++) threads_.emplace_back([this](std::stop_token stop) { work(stop); });
  }

  size_t count() const noexcept override { return threads_.size(); }
  void offer(std::function<void()> work) override {
    {
      const std::lock_guard lock(mutex_);
      queue_.push_back(std::move(work));
    }
    changed_.notify_one();
  }

 private:
  void work(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (changed_.wait(lock, stop, [this] { return !queue_.empty(); })) {
      const auto job = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      job();
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<std::function<void()>> queue_;
  std::vector<std::jthread> threads_;
};

/// Nobody, and these: what is done with helpers comes out the same without.
inline std::array<helper_threads*, 2> nobody_and(helper_threads& helpers) { return {nullptr, &helpers}; }

}  // namespace fp::test
