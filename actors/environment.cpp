#include "actors/environment.hpp"

#include <sys/resource.h>

#include <random>

namespace fp {

uint64_t thread_major_faults() {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  return static_cast<uint64_t>(usage.ru_majflt);
}

uint64_t make_instance() {
  std::random_device random;
  return uint64_t{random()} << 32 | random() | 1;
}

}  // namespace fp
