// Preloaded into a node, makes its disk slow: every sync takes FPNODE_SYNC_DELAY_MS longer.

#include <dlfcn.h>

#include <chrono>
#include <cstdlib>
#include <thread>

namespace {

void delay() {
  static const int ms = [] {
    const char* const value = std::getenv("FPNODE_SYNC_DELAY_MS");
    return value == nullptr ? 0 : std::atoi(value);
  }();
  std::this_thread::sleep_for(std::chrono::milliseconds(ms));
}

int call_next(const char* name, int fd) {
  using sync_function = int (*)(int);
  return reinterpret_cast<sync_function>(::dlsym(RTLD_NEXT, name))(fd);
}

}  // namespace

extern "C" int fsync(int fd) {
  delay();
  return call_next("fsync", fd);
}

extern "C" int fdatasync(int fd) {
  delay();
  return call_next("fdatasync", fd);
}
