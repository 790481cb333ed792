#include "app/tls/tls_memory_files.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "core/base/error.hpp"

namespace fp {

namespace {

[[noreturn]] void fail() {
  throw error(errc::io_error,
              "keeping TLS files in memory failed: " + std::error_code(errno, std::generic_category()).message());
}

void store(int& file, const std::string& text) {
  file = ::memfd_create("tls", MFD_CLOEXEC);
  if (file < 0 || ::write(file, text.data(), text.size()) != static_cast<ssize_t>(text.size())) fail();
}

void close_if_open(int file) {
  if (file >= 0) ::close(file);
}

std::string name_of(int file) { return "/proc/self/fd/" + std::to_string(file); }

}  // namespace

tls_memory_files::tls_memory_files(const tls_credentials& credentials) {
  try {
    store(certificate_, credentials.certificate());
    store(key_, credentials.key());
    store(ca_, credentials.ca());
  } catch (...) {
    for (const int file : {certificate_, key_, ca_}) close_if_open(file);
    throw;
  }
}

tls_memory_files::~tls_memory_files() {
  for (const int file : {certificate_, key_, ca_}) close_if_open(file);
}

void tls_memory_files::replace(tls_memory_files&& newer) {
  // With both descriptors open this cannot fail.
  ::dup3(newer.certificate_, certificate_, O_CLOEXEC);
  ::dup3(newer.key_, key_, O_CLOEXEC);
  ::dup3(newer.ca_, ca_, O_CLOEXEC);
}

tls_files tls_memory_files::names() const { return {name_of(certificate_), name_of(key_), name_of(ca_)}; }

}  // namespace fp
