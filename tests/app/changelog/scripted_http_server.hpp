#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <functional>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace fp::test {

/// An HTTP server on loopback that answers what a test tells it to, byte for byte.
class scripted_http_server {
 public:
  struct request {
    std::string method, target, head, body;
  };
  struct reply {
    std::string bytes;
    enum { keep, close, hold, drip } then = keep;  ///< hold: never end; drip: a byte now and then, without end
  };
  using script = std::function<reply(const request&)>;

  explicit scripted_http_server(script answer) : answer_(std::move(answer)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* as_plain = reinterpret_cast<sockaddr*>(&address);
    if (listener_ < 0 || ::bind(listener_, as_plain, size) != 0 || ::listen(listener_, 8) != 0 ||
        ::getsockname(listener_, as_plain, &size) != 0) {
      throw std::system_error(errno, std::generic_category(), "scripted_http_server");
    }
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  ~scripted_http_server() {
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    {
      const std::scoped_lock lock(mutex_);
      for (const int fd : sockets_) ::shutdown(fd, SHUT_RDWR);
    }
    for (auto& t : connections_) t.join();
    for (const int fd : sockets_) ::close(fd);
    ::close(listener_);
  }
  scripted_http_server(const scripted_http_server&) = delete;
  scripted_http_server& operator=(const scripted_http_server&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  uint16_t port() const noexcept { return port_; }
  std::vector<request> requests() const {
    const std::scoped_lock lock(mutex_);
    return requests_;
  }
  size_t num_connections() const {
    const std::scoped_lock lock(mutex_);
    return sockets_.size();
  }

  static std::string answer(int status, std::string_view body, const std::string& fields = {}) {
    return "HTTP/1.1 " + std::to_string(status) + " x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
           fields + "\r\n" + std::string(body);
  }

 private:
  void accept_all() {
    for (;;) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      const std::scoped_lock lock(mutex_);
      sockets_.push_back(fd);
      connections_.emplace_back([this, fd] { serve(fd); });
    }
  }

  void serve(int fd) {
    std::string input;
    for (request r; read_request(fd, input, r); r = {}) {
      {
        const std::scoped_lock lock(mutex_);
        requests_.push_back(r);
      }
      const reply a = answer_(r);
      (void)!::send(fd, a.bytes.data(), a.bytes.size(), MSG_NOSIGNAL);
      char byte = '0';
      if (a.then == reply::hold) (void)!::recv(fd, &byte, 1, 0);
      if (a.then == reply::drip) {
        for (pollfd p{fd, POLLIN, 0}; ::poll(&p, 1, 5) == 0 && ::send(fd, "0", 1, MSG_NOSIGNAL) == 1;) continue;
      }
      if (a.then != reply::keep) break;
    }
    ::shutdown(fd, SHUT_RDWR);
  }

  static bool read_request(int fd, std::string& input, request& r) {
    const auto more = [&] {
      char bytes[4096];
      const auto n = ::recv(fd, bytes, sizeof bytes, 0);
      if (n > 0) input.append(bytes, static_cast<size_t>(n));
      return n > 0;
    };
    size_t end;
    while ((end = input.find("\r\n\r\n")) == std::string::npos) {
      if (!more()) return false;
    }
    r.head = input.substr(0, end + 2);
    input.erase(0, end + 4);
    r.method = r.head.substr(0, r.head.find(' '));
    const size_t begin = r.method.size() + 1;
    r.target = r.head.substr(begin, r.head.find(' ', begin) - begin);
    size_t length = 0;
    if (const auto at = r.head.find("Content-Length: "); at != std::string::npos)
      length = std::stoul(r.head.substr(at + 16));
    while (input.size() < length) {
      if (!more()) return false;
    }
    r.body = input.substr(0, length);
    input.erase(0, length);
    return true;
  }

  script answer_;
  int listener_ = -1;
  uint16_t port_ = 0;
  std::thread acceptor_;
  mutable std::mutex mutex_;
  std::vector<std::thread> connections_;
  std::vector<int> sockets_;
  std::vector<request> requests_;
};

}  // namespace fp::test
