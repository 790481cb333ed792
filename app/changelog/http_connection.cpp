#include "app/changelog/http_connection.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "app/changelog/host_lookup.hpp"
#include "app/changelog/tls_stream.hpp"
#include "core/base/error.hpp"

namespace fp {

namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
using http_parser = http::response_parser<http::buffer_body>;

constexpr uint32_t max_head_bytes = 64u << 10;
constexpr size_t received_at_once = size_t{64} << 10;

}  // namespace

struct http_connection::state {
  state(const interruption& i, http_access_ptr a) : stop(i), access(std::move(a)) {}
  ~state() { close(); }

  void close() noexcept {
    tls.reset();
    if (fd >= 0) ::close(std::exchange(fd, -1));
  }

  [[noreturn]] void fail(errc code, const std::string& why) {
    close();
    throw error(code, address + ": " + doing + ": " + why);
  }
  [[noreturn]] void fail_by_errno(int number) { fail(errc::io_error, std::strerror(number)); }

  void wait(int descriptor, short events, time_point deadline) {
    switch (stop.wait({{descriptor, events, 0}}, deadline)) {
      case interruption::outcome::ready:
        return;
      case interruption::outcome::late:
        fail(errc::request_timeout, "nothing came in time");
      case interruption::outcome::interrupted:
        fail(errc::request_timeout, "interrupted");
    }
  }

  /// Before anything is begun.
  void check(time_point deadline) {
    if (stop.is_raised()) fail(errc::request_timeout, "interrupted");
    if (std::chrono::steady_clock::now() >= deadline) fail(errc::request_timeout, "there is no time left");
  }

  std::vector<std::string> look_up(const std::string& host, time_point deadline) {
    if (host_lookup::is_address(host)) return {host};
    const host_lookup lookup(host);
    wait(lookup.descriptor(), POLLIN, deadline);
    auto found = lookup.take();
    if (found.addresses.empty()) fail(errc::io_error, found.why);
    return std::move(found.addresses);
  }

  /// Returns why it was not possible, or 0.
  int connect_to(const std::string& number, const std::string& port, time_point deadline) {
    addrinfo hints{}, *found = nullptr;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    if (::getaddrinfo(number.c_str(), port.c_str(), &hints, &found) != 0) return EINVAL;
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(found, ::freeaddrinfo);
    close();
    fd = ::socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return errno;
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (::connect(fd, found->ai_addr, found->ai_addrlen) == 0) return 0;
    if (errno != EINPROGRESS) return errno;
    wait(fd, POLLOUT, deadline);
    int failed = 0;
    socklen_t size = sizeof failed;
    return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &size) == 0 ? failed : errno;
  }

  /// Runs a step of TLS, whose errors name the server, too.
  template <class F>
  auto by_tls(time_point deadline, F&& step) {
    const tls_stream::sender send_plain = [&](std::span<const std::byte> bytes) { send_bytes(bytes, deadline); };
    const tls_stream::receiver receive_plain = [&](std::span<std::byte> out) {
      return receive_bytes(out, deadline);
    };
    try {
      return step(send_plain, receive_plain);
    } catch (const error& e) {
      // What has failed below names it already.
      if (fd < 0) throw;
      fail(e.code(), e.what());
    }
  }

  void start_tls(const std::string& host, time_point deadline) {
    if (!access) fail(errc::io_error, "TLS is not spoken here");
    doing = "beginning TLS";
    tls.emplace(*access, host);
    by_tls(deadline, [&](const auto& s, const auto& r) { tls->shake_hands(s, r); });
  }

  void send(std::span<const std::byte> bytes, time_point deadline) {
    if (tls) {
      by_tls(deadline, [&](const auto& s, const auto&) { tls->write(bytes, s); });
    } else {
      send_bytes(bytes, deadline);
    }
  }

  void send_bytes(std::span<const std::byte> bytes, time_point deadline) {
    while (!bytes.empty()) {
      const auto n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n >= 0) {
        was_sent = true;
        bytes = bytes.subspan(static_cast<size_t>(n));
      } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        wait(fd, POLLOUT, deadline);
      } else if (errno != EINTR) {
        fail_by_errno(errno);
      }
    }
  }

  /// Waits for more bytes and gives them to the parser; at the connection's end, tells it.
  void receive(time_point deadline) {
    const auto room = buffer.prepare(received_at_once);
    const std::span<std::byte> out(static_cast<std::byte*>(room.data()), room.size());
    const size_t count = tls ? by_tls(deadline, [&](const auto& s, const auto& r) { return tls->read(out, s, r); })
                             : receive_bytes(out, deadline);
    if (count > 0) {
      is_answered = true;
      buffer.commit(count);
      return;
    }
    beast::error_code ec;
    if (parser->got_some()) parser->put_eof(ec);
    if (ec || !parser->got_some()) fail(errc::corrupt_data, "the answer ends early");
    close();
  }

  /// 0 at the end of the connection.
  size_t receive_bytes(std::span<std::byte> out, time_point deadline) {
    for (;;) {
      const auto n = ::recv(fd, out.data(), out.size(), 0);
      if (n >= 0) return static_cast<size_t>(n);
      if (errno == EAGAIN || errno == EWOULDBLOCK) {
        wait(fd, POLLIN, deadline);
      } else if (errno != EINTR) {
        fail_by_errno(errno);
      }
    }
  }

  /// Whether nothing but what TLS says for itself has come.
  bool is_quiet() {
    for (;;) {
      std::array<std::byte, 1024> bytes;
      const auto n = ::recv(fd, bytes.data(), tls ? bytes.size() : 1, MSG_DONTWAIT | (tls ? 0 : MSG_PEEK));
      if (n < 0) return (errno == EAGAIN || errno == EWOULDBLOCK) && (!tls || tls->is_quiet_after({}));
      if (n == 0 || !tls || !tls->is_quiet_after(std::span(bytes).first(static_cast<size_t>(n)))) return false;
    }
  }

  /// Has the parser take what there is. False when it needs more bytes.
  bool parse() {
    beast::error_code ec;
    const size_t used = parser->put(buffer.data(), ec);
    buffer.consume(used);
    if (ec == http::error::need_more) return false;
    if (ec && ec != http::error::need_buffer) fail(errc::corrupt_data, "no HTTP: " + ec.message());
    return used > 0 || ec == http::error::need_buffer;
  }

  const interruption& stop;
  const http_access_ptr access;
  std::optional<tls_stream> tls;
  int fd = -1;
  std::string address, doing;
  beast::flat_buffer buffer{max_head_bytes + received_at_once};
  std::optional<http_parser> parser;
  bool was_sent = false, is_answered = false;
};

http_connection::http_connection(const interruption& stop, http_access_ptr access)
    : state_(std::make_unique<state>(stop, std::move(access))) {}
http_connection::~http_connection() = default;

void http_connection::close() noexcept { state_->close(); }
bool http_connection::was_sent() const noexcept { return state_->was_sent; }
bool http_connection::is_answered() const noexcept { return state_->is_answered; }
unsigned http_connection::status() const noexcept { return state_->parser->get().result_int(); }

std::string http_connection::field(const std::string& name) const {
  const auto value = state_->parser->get()[name];
  return {value.data(), value.size()};
}

void http_connection::connect(const http_url& to, time_point deadline) {
  state& s = *state_;
  s.close();
  s.was_sent = s.is_answered = false;
  s.address = to.address();
  s.parser.reset();
  s.buffer.clear();
  s.doing = "finding the host";
  s.check(deadline);
  const auto addresses = s.look_up(to.host, deadline);
  s.doing = "connecting";
  int failed = 0;
  for (const std::string& number : addresses) {
    failed = s.connect_to(number, to.port, deadline);
    if (failed != 0) continue;
    if (to.tls) s.start_tls(to.host, deadline);
    return;
  }
  s.fail_by_errno(failed);
}

bool http_connection::can_ask() const {
  state& s = *state_;
  if (s.fd < 0 || s.buffer.size() > 0) return false;
  if (s.parser && (!s.parser->is_done() || !s.parser->keep_alive())) return false;
  return s.is_quiet();
}

void http_connection::ask(const http_question& question, time_point deadline) {
  state& s = *state_;
  s.was_sent = s.is_answered = false;
  s.parser.emplace();
  s.parser->header_limit(max_head_bytes);
  s.parser->body_limit(boost::none);
  std::string head = question.method + " " + question.target + " HTTP/1.1\r\nHost: " + question.host +
                     "\r\nUser-Agent: " + question.user_agent + "\r\n";
  if (question.method != "GET") head += "Content-Length: " + std::to_string(question.body.size()) + "\r\n";
  if (!question.accept.empty()) head += "Accept: " + question.accept + "\r\n";
  if (!question.authorization.empty()) head += "Authorization: " + question.authorization + "\r\n";
  if (!question.keep_alive) head += "Connection: close\r\n";
  head += "\r\n";
  s.doing = "asking";
  s.check(deadline);
  s.send(std::as_bytes(std::span(head)), deadline);
  s.send(question.body, deadline);
  s.doing = "waiting for the answer";
  for (;;) {
    while (!s.parser->is_header_done() && s.buffer.size() > 0 && s.parse()) continue;
    if (s.parser->is_header_done()) {
      // "100 Continue" and the like come before the answer.
      if (status() >= 200) return;
      s.parser.emplace();
      s.parser->header_limit(max_head_bytes);
      s.parser->body_limit(boost::none);
      continue;
    }
    s.receive(deadline);
    if (s.fd < 0) s.fail(errc::corrupt_data, "the answer ends early");
  }
}

size_t http_connection::read(std::span<std::byte> out, time_point deadline) {
  state& s = *state_;
  s.doing = "waiting for more";
  auto& body = s.parser->get().body();
  body.data = out.data();
  body.size = out.size();
  body.more = true;
  while (body.size == out.size() && !s.parser->is_done()) {
    if (s.buffer.size() > 0 && s.parse()) continue;
    if (s.fd < 0) s.fail(errc::corrupt_data, "the answer ends early");
    s.receive(deadline);
  }
  return out.size() - body.size;
}

size_t http_connection::read_up_to(std::span<std::byte> out, time_point deadline) {
  size_t size = 0;
  while (size < out.size()) {
    const size_t count = read(out.subspan(size), deadline);
    if (count == 0) break;
    size += count;
  }
  return size;
}

}  // namespace fp
