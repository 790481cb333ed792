#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace fp::test {

/// A TCP port on loopback that is no node. It sends `greeting` to those who connect first, and then says nothing.
class tcp_listener {
 public:
  explicit tcp_listener(std::string greeting = {}, int guests = 1) {
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* as_plain = reinterpret_cast<sockaddr*>(&address);
    if (socket_ < 0 || ::bind(socket_, as_plain, size) != 0 || ::listen(socket_, 8) != 0 ||
        ::getsockname(socket_, as_plain, &size) != 0) {
      throw std::system_error(errno, std::generic_category(), "tcp_listener");
    }
    port_ = ntohs(address.sin_port);
    if (greeting.empty()) return;
    greeter_ = std::thread([this, guests, greeting = std::move(greeting)] {
      for (int i = 0; i < guests; i++) {
        const int guest = ::accept4(socket_, nullptr, nullptr, SOCK_CLOEXEC);
        if (guest < 0) return;
        connections_.push_back(guest);
        (void)!::send(guest, greeting.data(), greeting.size(), MSG_NOSIGNAL);
      }
    });
  }
  ~tcp_listener() {
    ::shutdown(socket_, SHUT_RDWR);  // ends a waiting accept
    if (greeter_.joinable()) greeter_.join();
    ::close(socket_);
    for (const int guest : connections_) ::close(guest);
  }
  tcp_listener(const tcp_listener&) = delete;
  tcp_listener& operator=(const tcp_listener&) = delete;

  uint16_t port() const noexcept { return port_; }

 private:
  int socket_ = -1;
  std::vector<int> connections_;
  uint16_t port_ = 0;
  std::thread greeter_;
};

}  // namespace fp::test
