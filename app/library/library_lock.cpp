#include "app/library/library_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "core/base/error.hpp"
#include "core/base/printable.hpp"

namespace fp {

library_lock::library_lock(const std::filesystem::path& library) {
  // A file of its own: locks on the library's are SQLite's.
  auto file = library;
  file += ".lock";
  const auto shown = printable(file.string(), 4096);
  fd_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (fd_ < 0) throw error(errc::io_error, shown + ": cannot be opened: " + std::strerror(errno));
  int done;
  while ((done = ::flock(fd_, LOCK_EX | LOCK_NB)) != 0 && errno == EINTR) {
  }
  const int reason = errno;
  if (done == 0) {
    const auto number = std::to_string(::getpid()) + "\n";
    // For people: that it cannot be written changes nothing.
    if (::ftruncate(fd_, 0) != 0 || ::write(fd_, number.data(), number.size()) < 0) errno = 0;
    return;
  }
  char holder[16] = {};
  const auto n = ::read(fd_, holder, sizeof holder - 1);
  ::close(fd_);
  if (reason != EWOULDBLOCK) throw error(errc::io_error, shown + ": cannot be locked: " + std::strerror(reason));
  std::string who(holder, n > 0 ? static_cast<size_t>(n) : 0);
  while (who.ends_with('\n')) who.pop_back();
  throw error(errc::io_error, printable(library.string(), 4096) + ": another fpctl is at work with this library" +
                                  (who.empty() ? "" : " (process " + printable(who) + ")"));
}

library_lock::~library_lock() { ::close(fd_); }

}  // namespace fp
