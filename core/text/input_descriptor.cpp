#include "core/text/input_descriptor.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "core/base/error.hpp"
#include "core/base/printable.hpp"
#include "core/fs/poll_until.hpp"

namespace fp {

namespace {

std::string reason_of(int error_number) { return std::generic_category().message(error_number); }

}  // namespace

input_descriptor::input_descriptor(const std::string& name, milliseconds patience)
    : name_(name == "-" ? "standard input" : printable(name, 4096)), patience_(patience) {
  // Without O_NONBLOCK the opening of a pipe waits for its writer, without end.
  fd_ = name == "-" ? STDIN_FILENO : ::open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd_ < 0) throw error(errc::io_error, "open " + name_ + ": " + reason_of(errno));
  struct stat facts = {};
  if (::fstat(fd_, &facts) == 0 && S_ISREG(facts.st_mode)) total_ = static_cast<uint64_t>(facts.st_size);
}

input_descriptor::~input_descriptor() {
  if (fd_ > STDIN_FILENO) ::close(fd_);
}

/// Waits until there is something to read, or the end. Plain files never wait.
void input_descriptor::await() {
  switch (poll_until(fd_, POLLIN, std::chrono::steady_clock::now() + patience_)) {
    case poll_outcome::ready:
      return;
    case poll_outcome::failed:
      throw error(errc::io_error, "wait for " + name_ + ": " + reason_of(errno));
    case poll_outcome::late:
      throw error(errc::request_timeout,
                  name_ + ": nothing came within " + std::to_string(patience_.count()) + " ms");
  }
}

size_t input_descriptor::read(std::span<std::byte> out) {
  for (;;) {
    if (!total_) await();
    const ssize_t n = ::read(fd_, out.data(), out.size());
    if (n >= 0) {
      read_ += static_cast<uint64_t>(n);
      return static_cast<size_t>(n);
    }
    if (errno != EINTR && errno != EAGAIN) throw error(errc::io_error, "read " + name_ + ": " + reason_of(errno));
  }
}

}  // namespace fp
