#include "app/node/accept_guard.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

namespace fp {
namespace {

class accept_guard_test : public testing::Test {
 protected:
  accept_guard_test() {
    ::getrlimit(RLIMIT_NOFILE, &former_);
    rlimit few = former_;
    few.rlim_cur = num_descriptors;
    ::setrlimit(RLIMIT_NOFILE, &few);
  }
  ~accept_guard_test() override {
    for (const int fd : open_) ::close(fd);
    ::setrlimit(RLIMIT_NOFILE, &former_);
  }

  int keep(int fd) {
    if (fd >= 0) open_.push_back(fd);
    return fd;
  }
  int listen_on_loopback() {
    const int fd = keep(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const auto address = loopback(0);
    EXPECT_EQ(::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(fd, 8), 0);
    return fd;
  }
  static sockaddr_in loopback(uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    return address;
  }
  static uint16_t port_of(int listener) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    EXPECT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
    return ntohs(address.sin_port);
  }
  int connect_to(int listener) {
    const int fd = keep(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto address = loopback(port_of(listener));
    EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    return fd;
  }
  /// Takes all descriptors that are left.
  std::vector<int> take_all() {
    std::vector<int> taken;
    for (int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC); fd >= 0; fd = ::dup(fd)) taken.push_back(fd);
    EXPECT_EQ(errno, EMFILE);
    return taken;
  }

  static constexpr rlim_t num_descriptors = 128;

 private:
  rlimit former_{};
  std::vector<int> open_;
};

TEST_F(accept_guard_test, KeepsTheLastDescriptorsWhateverTheirNumbersAre) {
  // No log: UBSan takes what it meets without descriptors for no object.
  accept_guard guard(nullptr);
  const int remote = listen_on_loopback(), other = listen_on_loopback();
  guard.guard(port_of(remote));
  const int refused = connect_to(remote), waiting = connect_to(other), taken_later = connect_to(remote);
  auto taken = take_all();
  ASSERT_GT(taken.size(), 40u);
  EXPECT_EQ(guard.accept(other, nullptr, nullptr), -1);
  EXPECT_EQ(errno, EMFILE);
  // The only free one has a low number.
  ::close(taken.front());
  EXPECT_EQ(guard.accept(remote, nullptr, nullptr), -1);
  EXPECT_EQ(errno, EAGAIN);
  char byte = 0;
  EXPECT_EQ(::recv(refused, &byte, 1, MSG_DONTWAIT), 0);
  // Others may have it.
  const int served = guard.accept(other, nullptr, nullptr);
  EXPECT_GE(served, 0);
  EXPECT_GE(waiting, 0);
  // As soon as enough are free remote actors are served again, and at once.
  for (size_t i = 1; i <= 20; i++) ::close(taken[i]);
  const int late = guard.accept(remote, nullptr, nullptr);
  EXPECT_GE(late, 0);
  EXPECT_GE(taken_later, 0);
  ::close(served);
  ::close(late);
  for (size_t i = 21; i < taken.size(); i++) ::close(taken[i]);
}

}  // namespace
}  // namespace fp
