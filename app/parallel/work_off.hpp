#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace fp {

/// Calls a worker with each number below `count`, the small ones first, on up to `max_threads` threads, the
/// caller's among them, or as many as the system gives. Each has the worker that `make_worker()` returns to it; all
/// have ended when this returns. After the first exception nothing new is begun: `on_failure()` is called, which
/// may call the others off, and in the end it is thrown.
template <class MakeWorker, class OnFailure>
void work_off(size_t count, size_t max_threads, const MakeWorker& make_worker, const OnFailure& on_failure) {
  std::atomic<size_t> next{0};
  std::mutex failing;
  std::exception_ptr failure;
  const auto run = [&] {
    try {
      auto worker = make_worker();
      for (size_t i = next++; i < count; i = next++) worker(i);
    } catch (...) {
      next = count;
      const std::lock_guard lock(failing);
      // Those that are called off say no more than that.
      if (!failure) failure = std::current_exception();
      on_failure();
    }
  };
  {
    std::vector<std::jthread> threads;
    try {
      while (threads.size() + 1 < std::min(max_threads, count)) threads.emplace_back(run);
    } catch (const std::system_error&) {
      // Those that are there do the work.
    }
    run();
  }
  if (failure) std::rethrow_exception(failure);
}

template <class MakeWorker>
void work_off(size_t count, size_t max_threads, const MakeWorker& make_worker) {
  work_off(count, max_threads, make_worker, [] {});
}

}  // namespace fp
