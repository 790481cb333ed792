#include "app/node/accept_guard.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <utility>

namespace fp {

namespace {

using std::chrono::steady_clock;

constexpr auto watchful_for = std::chrono::minutes(1);

std::atomic<accept_guard*> the_guard = nullptr;

int open_spare() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }

int plain_accept(int listener, void* address, void* size) {
  return ::accept4(listener, static_cast<sockaddr*>(address), static_cast<socklen_t*>(size), 0);
}

bool is_shortage(int number) { return number == EMFILE || number == ENFILE; }

}  // namespace

accept_guard::accept_guard(std::shared_ptr<spdlog::logger> log) : log_(std::move(log)), spare_(open_spare()) {
  rlimit limit{};
  limit_ = ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : RLIM_INFINITY;
  headroom_ = std::min(max_headroom, limit_ / 8);
  the_guard = this;
}

accept_guard::~accept_guard() {
  the_guard = nullptr;
  if (spare_ >= 0) ::close(spare_);
}

void accept_guard::guard(uint16_t port) {
  const std::scoped_lock lock(mutex_);
  port_ = port;
}

int accept_guard::accept(int listener, void* address, void* size) {
  const int connection = plain_accept(listener, address, size);
  const int number = errno;
  if (connection < 0 && !is_shortage(number)) return connection;
  // The lowest free descriptor is taken: a high number tells that hardly any is free. A low one tells nothing where
  // somebody has just given it back.
  const bool is_high = connection >= 0 && static_cast<uint64_t>(connection) + headroom_ >= limit_;
  if (connection >= 0 && !is_high && !is_watchful_) return connection;
  const std::scoped_lock lock(mutex_);
  const bool is_last = is_high || (connection >= 0 && is_still_short());
  if (connection >= 0 && !is_last) return connection;
  watchful_until_ = steady_clock::now() + watchful_for;
  is_watchful_ = true;
  const bool refuses = is_guarded(listener);
  if (refuses) {
    if (is_last) {
      ::close(connection);
    } else {
      shed(listener);
    }
  }
  if (refuses || !is_last) warn(refuses);
  errno = refuses ? EAGAIN : number;
  return refuses ? -1 : connection;
}

bool accept_guard::is_still_short() {
  if (steady_clock::now() > watchful_until_) {
    is_watchful_ = false;
    return false;
  }
  std::array<pollfd, 1024> some;
  uint64_t num_free = 0;
  for (uint64_t first = 0; first < limit_ && num_free <= headroom_; first += some.size()) {
    const auto count = std::min<uint64_t>(some.size(), limit_ - first);
    for (uint64_t i = 0; i < count; i++) some[i] = {static_cast<int>(first + i), 0, 0};
    if (::poll(some.data(), count, 0) < 0) return true;
    for (uint64_t i = 0; i < count; i++) num_free += (some[i].revents & POLLNVAL) != 0;
  }
  return num_free <= headroom_;
}

bool accept_guard::is_guarded(int listener) const {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (port_ == 0 || ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0) return false;
  if (address.ss_family == AF_INET) return ntohs(reinterpret_cast<sockaddr_in&>(address).sin_port) == port_;
  return address.ss_family == AF_INET6 && ntohs(reinterpret_cast<sockaddr_in6&>(address).sin6_port) == port_;
}

void accept_guard::shed(int listener) {
  if (spare_ >= 0) ::close(spare_);
  const int connection = plain_accept(listener, nullptr, nullptr);
  if (connection >= 0) ::close(connection);
  spare_ = open_spare();
}

void accept_guard::warn(bool refuses) {
  const auto now = steady_clock::now();
  if (log_ == nullptr || now < next_warning_) return;
  next_warning_ = now + std::chrono::minutes(1);
  log_->warn("out of file descriptors, of which the process may have {}: {}; raise LimitNOFILE or ulimit -n",
             limit_, refuses ? "connections of remote actors are closed" : "new connections wait");
}

}  // namespace fp

// Found before libc's by whatever the program is linked with.
extern "C" [[gnu::visibility("default")]] int accept(int listener, sockaddr* address, socklen_t* size) {
  if (auto* guard = fp::the_guard.load(std::memory_order_acquire)) return guard->accept(listener, address, size);
  return ::accept4(listener, address, size, 0);
}
