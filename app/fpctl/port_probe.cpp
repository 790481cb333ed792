#include "app/fpctl/port_probe.hpp"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string_view>

#include "core/fs/poll_until.hpp"

namespace fp::ctl {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

class probing_socket {
 public:
  explicit probing_socket(const addrinfo& to)
      : fd_(::socket(to.ai_family, to.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, to.ai_protocol)) {}
  ~probing_socket() {
    if (fd_ >= 0) ::close(fd_);
  }
  probing_socket(const probing_socket&) = delete;
  probing_socket& operator=(const probing_socket&) = delete;

  bool connect(const addrinfo& to, steady_clock::time_point deadline) {
    if (fd_ < 0) return false;
    if (::connect(fd_, to.ai_addr, to.ai_addrlen) == 0) return true;
    if (errno != EINPROGRESS || !wait(POLLOUT, deadline)) return false;
    int failed = 0;
    socklen_t size = sizeof failed;
    return ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &failed, &size) == 0 && failed == 0;
  }
  void send(std::string_view bytes) {
    [[maybe_unused]] const auto n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  /// The first bytes that come; empty when none do.
  std::string receive(steady_clock::time_point deadline) {
    char buffer[512];
    if (!wait(POLLIN, deadline)) return {};
    const auto n = ::recv(fd_, buffer, sizeof buffer, 0);
    return n > 0 ? std::string(buffer, static_cast<size_t>(n)) : std::string();
  }

 private:
  bool wait(short events, steady_clock::time_point deadline) {
    return poll_until(fd_, events, deadline) == poll_outcome::ready;
  }

  int fd_;
};

port_service service_of(std::string_view answer) {
  // RFC 8446, 5.1: content type 21 (alert) or 22 (handshake), major version 3.
  if (answer.size() >= 2 && (answer[0] == 0x15 || answer[0] == 0x16) && answer[1] == 0x03) return port_service::tls;
  if (answer.starts_with("HTTP/")) return port_service::http;
  if (answer.starts_with("ERR") || answer.starts_with("OK")) return port_service::line_protocol;
  // CAF's BASP: an accepting node speaks first, with a header whose operation, server_handshake, is 0.
  if (answer.size() >= 16 && answer[0] == 0) return port_service::remote_actors;
  return port_service::unknown;
}

}  // namespace

port_service probe_port(const std::string& host, uint16_t port, milliseconds patience) {
  addrinfo wanted = {}, *found = nullptr;
  wanted.ai_socktype = SOCK_STREAM;
  if (::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &wanted, &found) != 0) return port_service::nothing;
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(found, ::freeaddrinfo);
  // A TLS record with a hello that is cut off, which is answered by an alert; OpenSSL ends a connection that begins
  // with HTTP without a word. Then a request that HTTP refuses at once and the line protocol as well.
  static constexpr std::string_view bad_hello("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00", 10);
  static constexpr std::string_view bad_request("\r\nfpctl HTTP/0.0\r\n\r\n");
  auto result = port_service::nothing;
  for (const auto question : {bad_hello, bad_request}) {
    const auto deadline = steady_clock::now() + patience;
    probing_socket socket(*found);
    if (!socket.connect(*found, deadline)) return result;
    socket.send(question);
    result = service_of(socket.receive(deadline));
    if (result != port_service::unknown) return result;
  }
  return result;
}

std::string advice_for(port_service found, bool with_tls) {
  switch (found) {
    case port_service::http:
      return "an HTTP server answers there, and fpctl needs the port for remote actors (the node's --caf-port)";
    case port_service::line_protocol:
      return "the line protocol is spoken there, and fpctl needs the port for remote actors (the node's "
             "--caf-port)";
    case port_service::tls:
      if (with_tls) return {};
      return "TLS is spoken there: a node with caf_tls wants --tls-certificate, --tls-key and --tls-ca (and its "
             "HTTPS port "
             "is not the one for remote actors)";
    case port_service::remote_actors:
      if (!with_tls) return {};
      return "no TLS is spoken there: leave --tls-certificate, --tls-key and --tls-ca away";
    case port_service::nothing:
    case port_service::unknown:
      break;
  }
  return {};
}

}  // namespace fp::ctl
