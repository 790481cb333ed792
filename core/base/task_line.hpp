#pragma once

#include <atomic>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <memory>

namespace fp {

/// Threads that may take work off the one that has it.
class helper_threads {
 public:
  virtual ~helper_threads() = default;
  /// How many there are.
  virtual size_t count() const noexcept = 0;
  /// Calls `work`, which throws nothing, on one of them: soon, or when nobody needs it any more.
  virtual void offer(std::function<void()> work) = 0;
};

/// Tasks that are finished in the order in which they were added, by whoever has time: helpers, or the thread that
/// adds them, while it waits for what others have begun. Of one thread.
class task_line {
 public:
  /// Without helpers, tasks are done when they are waited for.
  explicit task_line(helper_threads* helpers);
  /// Drops what nobody has begun, and waits for the rest: nothing that a task uses is used afterwards.
  ~task_line();
  task_line(const task_line&) = delete;
  task_line& operator=(const task_line&) = delete;

  bool is_empty() const noexcept { return tasks_.empty(); }
  size_t size() const noexcept { return tasks_.size(); }
  void add(std::function<void()> work);
  /// Waits for the oldest, of which there must be one. Throws what it threw.
  void finish_oldest();

 private:
  enum state : int { waiting, begun, done };
  struct task {
    std::function<void()> work;
    std::exception_ptr error;
    std::atomic<int> state = waiting;
  };

  static bool claim(task& t) noexcept;
  static void do_claimed(task& t) noexcept;
  static void wait_for(const task& t) noexcept;

  helper_threads* helpers_;
  std::shared_ptr<std::atomic<size_t>> offers_;  ///< that no helper has come to yet
  std::deque<std::shared_ptr<task>> tasks_;
};

}  // namespace fp
