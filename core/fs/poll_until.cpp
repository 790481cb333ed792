#include "core/fs/poll_until.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <limits>

namespace fp {

poll_outcome poll_until(int descriptor, short events, std::chrono::steady_clock::time_point deadline) noexcept {
  using std::chrono::milliseconds;
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    pollfd wanted{descriptor, events, 0};
    const int ready =
        ::poll(&wanted, 1, static_cast<int>(std::clamp<int64_t>(left, 0, std::numeric_limits<int>::max())));
    if (ready > 0) return poll_outcome::ready;
    if (ready < 0 && errno != EINTR) return poll_outcome::failed;
    if (left <= 0) return poll_outcome::late;
  }
}

}  // namespace fp
