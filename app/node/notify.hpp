#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <string>
#include <string_view>
#include <system_error>

namespace fp {

/// Tells the service manager about this process: datagrams of KEY=VALUE lines to a Unix socket, as sd_notify(3)
/// specifies them.
class service_notifier {
 public:
  /// `socket_name`: a path, or @NAME in the abstract namespace; empty: nobody to tell. Throws `invalid_argument`
  /// for anything else.
  explicit service_notifier(std::string_view socket_name);
  ~service_notifier();
  service_notifier(const service_notifier&) = delete;
  service_notifier& operator=(const service_notifier&) = delete;

  /// The name that the service manager gave in NOTIFY_SOCKET; empty without one.
  static std::string socket_name_from_environment();

  /// Sends one datagram; does nothing when there is nobody to tell.
  std::error_code send(std::string_view assignments) const;

 private:
  int fd_ = -1;
  sockaddr_un address_{};
  socklen_t address_bytes_ = 0;
};

}  // namespace fp
