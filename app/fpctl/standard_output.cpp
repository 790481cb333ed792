#include "app/fpctl/standard_output.hpp"

#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "core/base/error.hpp"
#include "core/fs/poll_until.hpp"

namespace fp::ctl {

namespace {

[[noreturn]] void refuse_output(int error_number) {
  throw error(errc::io_error, std::string("writing to standard output failed: ") + std::strerror(error_number));
}

/// Waits until a pipe has room for PIPE_BUF bytes.
void await_room(std::chrono::milliseconds patience) {
  switch (poll_until(STDOUT_FILENO, POLLOUT, std::chrono::steady_clock::now() + patience)) {
    case poll_outcome::ready:
      return;
    case poll_outcome::failed:
      refuse_output(errno);
    case poll_outcome::late:
      throw error(errc::request_timeout,
                  "standard output: nobody took anything within " + std::to_string(patience.count()) + " ms");
  }
}

}  // namespace

void write_to_standard_output(std::span<const std::byte> bytes, std::chrono::milliseconds patience) {
  struct stat facts = {};
  const bool is_file = ::fstat(STDOUT_FILENO, &facts) == 0 && S_ISREG(facts.st_mode);
  while (!bytes.empty()) {
    // A pipe that can take something takes as much as this without a wait.
    if (!is_file) await_room(patience);
    const auto n =
        ::write(STDOUT_FILENO, bytes.data(), is_file ? bytes.size() : std::min<size_t>(bytes.size(), PIPE_BUF));
    if (n < 0 && errno != EINTR && errno != EAGAIN) refuse_output(errno);
    if (n > 0) bytes = bytes.subspan(static_cast<size_t>(n));
  }
}

}  // namespace fp::ctl
