#include "app/node/notify.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <string>

#include "tests/core/support/error_of.hpp"
#include "tests/core/support/temporary_folder.hpp"

namespace fp {
namespace {

/// A service manager's end of the protocol. A name that begins with a zero byte is an abstract one.
class manager_socket {
 public:
  explicit manager_socket(const std::string& name) : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, name.data(), name.size());
    const auto bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size() + (name[0] != '\0'));
    EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), bytes), 0) << std::strerror(errno);
  }
  ~manager_socket() { ::close(fd_); }
  manager_socket(const manager_socket&) = delete;
  manager_socket& operator=(const manager_socket&) = delete;

  /// The next datagram that has arrived; "-" without one.
  std::string next() {
    std::array<char, 4096> buffer;
    const ssize_t n = ::recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    return n < 0 ? "-" : std::string(buffer.data(), static_cast<size_t>(n));
  }

 private:
  int fd_;
};

TEST(service_notifier, sends_one_datagram_to_a_path) {
  test::temporary_folder folder;
  const std::string name = (folder / "notify").string();
  manager_socket manager(name);
  const service_notifier notifier(name);
  EXPECT_EQ(notifier.send("READY=1\nSTATUS=fine"), std::error_code());
  EXPECT_EQ(notifier.send("STOPPING=1"), std::error_code());
  EXPECT_EQ(manager.next(), "READY=1\nSTATUS=fine");
  EXPECT_EQ(manager.next(), "STOPPING=1");
  EXPECT_EQ(manager.next(), "-");
}

TEST(service_notifier, sends_to_an_abstract_name) {
  const std::string name = "fpnode-notify-test-" + std::to_string(::getpid());
  manager_socket manager('\0' + name);
  EXPECT_EQ(service_notifier('@' + name).send("READY=1"), std::error_code());
  EXPECT_EQ(manager.next(), "READY=1");
}

TEST(service_notifier, does_nothing_without_a_manager) {
  EXPECT_EQ(service_notifier("").send("READY=1"), std::error_code());
}

TEST(service_notifier, reports_a_manager_that_went_away) {
  test::temporary_folder folder;
  EXPECT_EQ(service_notifier((folder / "absent").string()).send("READY=1"), std::errc::no_such_file_or_directory);
}

TEST(service_notifier, takes_names_up_to_the_longest) {
  const size_t longest = sizeof(sockaddr_un::sun_path);
  for (const std::string& name :
       {std::string("run/notify"), std::string("vsock:2:1"), std::string("/"), std::string("@"),
        '/' + std::string(longest - 1, 'a'), '@' + std::string(longest, 'a')}) {
    const error e = test::error_of([&] { service_notifier notifier(name); });
    EXPECT_EQ(e.code(), errc::invalid_configuration) << name;
    EXPECT_THAT(e.what(), testing::StartsWith("NOTIFY_SOCKET: found \""));
  }
  EXPECT_NO_THROW(service_notifier('/' + std::string(longest - 2, 'a')));
  const std::string name(longest - 1, static_cast<char>('a' + ::getpid() % 26));
  manager_socket manager('\0' + name);
  EXPECT_EQ(service_notifier('@' + name).send("READY=1"), std::error_code());
  EXPECT_EQ(manager.next(), "READY=1");
}

}  // namespace
}  // namespace fp
