#include "app/changelog/host_lookup.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <optional>

#include "core/base/error.hpp"

namespace fp {

/// Shared with the C library, which may need it for longer than whoever has asked.
struct host_lookup::request {
  explicit request(const std::string& of) : host(of), event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (event < 0) throw error(errc::io_error, std::string("eventfd: ") + std::strerror(errno));
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG;
    call.ar_name = host.c_str();
    call.ar_request = &hints;
  }
  ~request() {
    ::close(event);
    if (call.ar_result != nullptr) ::freeaddrinfo(call.ar_result);
  }
  request(const request&) = delete;
  request& operator=(const request&) = delete;

  void end() noexcept {
    const uint64_t one = 1;
    [[maybe_unused]] const auto n = ::write(event, &one, sizeof one);
  }

  const std::string host;
  const int event;
  std::optional<int> known;  ///< what became of it, when that is not for the C library to say
  addrinfo hints{};
  gaicb call{};
};

host_lookup::host_lookup(const std::string& host) : request_(std::make_shared<request>(host)) {
#ifdef __SANITIZE_THREAD__
  // ThreadSanitizer does not know the threads that the C library makes for itself.
  request_->known = ::getaddrinfo(request_->host.c_str(), nullptr, &request_->hints, &request_->call.ar_result);
  request_->end();
#else
  auto shared = std::make_unique<std::shared_ptr<request> >(request_);
  sigevent when_done{};
  when_done.sigev_notify = SIGEV_THREAD;
  when_done.sigev_value.sival_ptr = shared.get();
  when_done.sigev_notify_function = [](sigval value) {
    const std::unique_ptr<std::shared_ptr<request> > mine(static_cast<std::shared_ptr<request>*>(value.sival_ptr));
    (*mine)->end();
  };
  gaicb* calls[] = {&request_->call};
  if (const int failed = ::getaddrinfo_a(GAI_NOWAIT, calls, 1, &when_done); failed != 0) {
    request_->known = failed;
    request_->end();
  } else {
    [[maybe_unused]] const auto* theirs = shared.release();
  }
#endif
}

host_lookup::~host_lookup() = default;

int host_lookup::descriptor() const noexcept { return request_->event; }

host_lookup::result host_lookup::take() const {
  result r;
  const int code = request_->known ? *request_->known : ::gai_error(&request_->call);
  if (code != 0) {
    r.why = ::gai_strerror(code);
    return r;
  }
  for (const auto* a = request_->call.ar_result; a != nullptr; a = a->ai_next) {
    char text[NI_MAXHOST];
    if (::getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST) != 0) continue;
    if (std::find(r.addresses.begin(), r.addresses.end(), text) == r.addresses.end()) r.addresses.push_back(text);
  }
  if (r.addresses.empty()) r.why = "the name has no address";
  return r;
}

bool host_lookup::is_address(const std::string& host) {
  unsigned char parsed[sizeof(in6_addr)];
  return ::inet_pton(AF_INET, host.c_str(), parsed) == 1 || ::inet_pton(AF_INET6, host.c_str(), parsed) == 1;
}

}  // namespace fp
