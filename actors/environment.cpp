#include "actors/environment.hpp"

#include <sys/resource.h>

#include <random>

namespace fp {

uint64_t thread_disk_reads() {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  // Pages that were asked for in time are no faults, but blocks that the thread had read.
  return static_cast<uint64_t>(usage.ru_majflt) + static_cast<uint64_t>(usage.ru_inblock);
}

uint64_t make_instance() {
  std::random_device random;
  return uint64_t{random()} << 32 | random() | 1;
}

}  // namespace fp
