#include "app/audio/chromaprint_library.hpp"

#include <dlfcn.h>

#include <string>

#include "core/base/error.hpp"

namespace fp {

namespace {

constexpr const char* library_name = "libchromaprint.so.1";

[[noreturn]] void fail_to_load() {
  const char* reason = ::dlerror();
  throw error(errc::io_error,
              std::string("libchromaprint cannot be used (Debian: apt-get install libchromaprint1): ") +
                  (reason == nullptr ? library_name : reason));
}

template <class Function>
void find(void* library, const char* name, Function& found) {
  void* const address = ::dlsym(library, name);
  if (address == nullptr) fail_to_load();
  found = reinterpret_cast<Function>(address);
}

chromaprint_library load() {
  void* const library = ::dlopen(library_name, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) fail_to_load();
  chromaprint_library found{};
  find(library, "chromaprint_new", found.make);
  find(library, "chromaprint_free", found.free);
  find(library, "chromaprint_start", found.start);
  find(library, "chromaprint_feed", found.feed);
  find(library, "chromaprint_finish", found.finish);
  find(library, "chromaprint_get_raw_fingerprint", found.raw_fingerprint);
  find(library, "chromaprint_dealloc", found.dealloc);
  return found;
}

}  // namespace

const chromaprint_library& chromaprint_library::get() {
  static const chromaprint_library loaded = load();
  return loaded;
}

}  // namespace fp
