#include "app/node/notify.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "core/base/error.hpp"
#include "core/base/printable.hpp"

namespace fp {

namespace {

std::error_code last_error() { return {errno, std::generic_category()}; }

}  // namespace

service_notifier::service_notifier(std::string_view socket_name) {
  if (socket_name.empty()) return;
  const bool abstract = socket_name[0] == '@';
  // A path needs its final zero, an abstract name has none.
  const size_t longest = sizeof(address_.sun_path) - (abstract ? 0 : 1);
  if ((!abstract && socket_name[0] != '/') || socket_name.size() < 2 || socket_name.size() > longest) {
    throw error(errc::invalid_configuration, "NOTIFY_SOCKET: found " + quoted(socket_name) +
                                                 ", allowed a path or @NAME of at most " + std::to_string(longest) +
                                                 " bytes");
  }
  fd_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd_ < 0) throw error(errc::io_error, "NOTIFY_SOCKET: " + last_error().message());
  address_.sun_family = AF_UNIX;
  std::memcpy(address_.sun_path, socket_name.data(), socket_name.size());
  if (abstract) address_.sun_path[0] = '\0';
  address_bytes_ =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_name.size() + (abstract ? 0 : 1));
}

service_notifier::~service_notifier() {
  if (fd_ >= 0) ::close(fd_);
}

std::string service_notifier::socket_name_from_environment() {
  const char* name = std::getenv("NOTIFY_SOCKET");
  return name != nullptr ? name : "";
}

std::error_code service_notifier::send(std::string_view assignments) const {
  if (fd_ < 0) return {};
  ssize_t sent = 0;
  do {
    sent = ::sendto(fd_, assignments.data(), assignments.size(), MSG_NOSIGNAL,
                    reinterpret_cast<const sockaddr*>(&address_), address_bytes_);
  } while (sent < 0 && errno == EINTR);
  return sent < 0 ? last_error() : std::error_code();
}

}  // namespace fp
