#include "actors/environment.hpp"

#include <sys/resource.h>

namespace fp {

uint64_t thread_major_faults() {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  return static_cast<uint64_t>(usage.ru_majflt);
}

}  // namespace fp
