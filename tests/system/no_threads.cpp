// Preloaded into a node: as long as the file named by FPNODE_NO_THREADS exists, there are no threads to be had.

#include <dlfcn.h>
#include <pthread.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*run)(void*),
                              void* argument) {
  static const char* const file = std::getenv("FPNODE_NO_THREADS");
  if (file != nullptr && ::access(file, F_OK) == 0) return EAGAIN;
  using create_function = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  static const auto next = reinterpret_cast<create_function>(::dlsym(RTLD_NEXT, "pthread_create"));
  return next(thread, attributes, run, argument);
}
