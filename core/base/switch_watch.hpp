#pragma once

#include <cstdint>

namespace fp {

/// Sees whether a thread has lost its processor: because it waited, for a page from a disk say, or for another
/// thread's sake. A look costs as much as reading a variable.
///
/// It uses what Linux has for restartable sequences (rseq(2), linux/rseq.h): a thread names instructions that are
/// not to be interrupted, and the kernel forgets the name when it takes the processor away while others are run.
/// Here that is always, because the named ones are none of the program's. glibc registers each thread for it; where
/// it could not (an old kernel, a sandbox, valgrind), no switch is ever seen.
class switch_watch {
 public:
  /// Of this thread, from now on. One at a time.
  switch_watch() noexcept : word_(word_of_thread()) {
    if (word_ == nullptr) word_ = &unwatched_;
    restart();
  }
  ~switch_watch() { assume_switched(); }
  switch_watch(const switch_watch&) = delete;
  switch_watch& operator=(const switch_watch&) = delete;

  /// Forgets what it has seen.
  void restart() noexcept { *word_ = name(); }
  /// From now on until the next `restart`.
  void assume_switched() noexcept { *word_ = 0; }
  /// Whether the thread has lost its processor since the last `restart`.
  bool has_switched() const noexcept { return *word_ == 0; }
  /// Whether switches can be seen.
  bool works() const noexcept { return word_ != &unwatched_; }

 private:
  /// Where the kernel looks for the name; null when it does not.
  static volatile uint64_t* word_of_thread() noexcept;
  static uint64_t name() noexcept;

  volatile uint64_t unwatched_ = 0;
  volatile uint64_t* word_;
};

}  // namespace fp
