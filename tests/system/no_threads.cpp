// Preloaded into a node: as long as the file named by FPNODE_NO_THREADS exists, no more threads run beside the
// first one than it says; an empty file says none.

#include <dlfcn.h>
#include <pthread.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <memory>

namespace {

std::atomic<int> running = 0;

struct task {
  void* (*run)(void*);
  void* argument;
};

void* run_counted(void* argument) {
  const std::unique_ptr<task> t(static_cast<task*>(argument));
  void* const result = t->run(t->argument);
  running--;
  return result;
}

bool may_start() {
  static const char* const name = std::getenv("FPNODE_NO_THREADS");
  std::ifstream file;
  if (name != nullptr) file.open(name);
  if (!file.is_open()) return true;
  int allowed = 0;
  file >> allowed;
  return running < allowed;
}

}  // namespace

extern "C" int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*run)(void*),
                              void* argument) {
  if (!may_start()) return EAGAIN;
  using create_function = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  static const auto next = reinterpret_cast<create_function>(::dlsym(RTLD_NEXT, "pthread_create"));
  auto t = std::make_unique<task>(task{run, argument});
  running++;
  const int error = next(thread, attributes, run_counted, t.get());
  if (error == 0) {
    t.release();
  } else {
    running--;
  }
  return error;
}
