#pragma once

#include <sys/resource.h>

#include <chrono>
#include <thread>

namespace fp::test {

/// Waits until the thread has lost its processor, as the kernel counts. One wait need not be enough: a timer that
/// fires before the thread has gone to sleep takes nothing away.
inline void lose_processor() {
  const auto times_lost = [] {
    rusage usage{};
    getrusage(RUSAGE_THREAD, &usage);
    return usage.ru_nvcsw + usage.ru_nivcsw;
  };
  const auto before = times_lost();
  while (times_lost() == before) std::this_thread::sleep_for(std::chrono::microseconds(1));
}

}  // namespace fp::test
