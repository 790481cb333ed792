#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <string>
#include <string_view>

namespace fp::test {

/// A plain connection to a port on loopback.
class tcp_client {
 public:
  /// `receive_bytes` sets the size of the kernel's receive buffer, 0 leaves it alone.
  explicit tcp_client(uint16_t port, int receive_bytes = 0)
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    if (receive_bytes > 0) ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(port);
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&where), sizeof where), 0);
  }
  ~tcp_client() { close(); }
  tcp_client(const tcp_client&) = delete;
  tcp_client& operator=(const tcp_client&) = delete;

  void send(std::string_view text) {
    EXPECT_EQ(::send(fd_, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }
  /// Sends what the other side takes without resting for longer than a fifth of a second. False when that is
  /// nothing.
  bool send_some(std::string_view text) {
    const timeval patience{0, 200'000};
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    return ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL) > 0;
  }
  /// Returns when the other side has reset the connection; reads nothing.
  void wait_for_reset() {
    pollfd p{fd_, 0, 0};
    EXPECT_EQ(::poll(&p, 1, -1), 1);
  }
  void end_sending() { EXPECT_EQ(::shutdown(fd_, SHUT_WR), 0); }
  /// Whether something has come, or the end.
  bool has_received() const {
    pollfd p{fd_, POLLIN, 0};
    return ::poll(&p, 1, 0) == 1;
  }
  /// All until the server closes.
  std::string receive_all() {
    std::string out;
    while (receive_some(out)) {
    }
    return out;
  }
  bool receive_some(std::string& out) {
    char bytes[4096];
    const auto n = ::recv(fd_, bytes, sizeof bytes, 0);
    if (n > 0) out.append(bytes, static_cast<size_t>(n));
    return n > 0;
  }
  std::string receive_until(std::string_view end) {
    std::string out;
    while (!out.ends_with(end) && receive_some(out)) {
    }
    return out;
  }
  /// With a reset.
  void close() {
    if (fd_ < 0) return;
    const linger now{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    ::close(fd_);
    fd_ = -1;
  }

 private:
  int fd_;
};

}  // namespace fp::test
