#include "app/changelog/interruption.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string>

#include "core/base/error.hpp"

namespace fp {

interruption::interruption() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (event_ < 0) throw error(errc::io_error, std::string("eventfd: ") + std::strerror(errno));
}

interruption::~interruption() { ::close(event_); }

void interruption::raise() noexcept {
  // Nobody reads it: it can be waited for from now on.
  const uint64_t one = 1;
  [[maybe_unused]] const auto n = ::write(event_, &one, sizeof one);
}

bool interruption::is_raised() const noexcept {
  pollfd p{event_, POLLIN, 0};
  return ::poll(&p, 1, 0) > 0;
}

interruption::outcome interruption::wait(std::vector<pollfd> on, time_point deadline) const {
  on.push_back({event_, POLLIN, 0});
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    const auto timeout = std::clamp<int64_t>(left, 0, std::numeric_limits<int>::max());
    const int n = ::poll(on.data(), on.size(), static_cast<int>(timeout));
    if (n < 0 && errno != EINTR) return outcome::late;
    if (n > 0) return on.back().revents != 0 ? outcome::interrupted : outcome::ready;
    if (n == 0 && left <= 0) return outcome::late;
  }
}

}  // namespace fp
