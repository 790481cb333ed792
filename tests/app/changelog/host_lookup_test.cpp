#include "app/changelog/host_lookup.hpp"

#include <gmock/gmock.h>
#include <poll.h>

namespace fp {
namespace {

host_lookup::result looked_up(const std::string& host) {
  const host_lookup lookup(host);
  pollfd p{lookup.descriptor(), POLLIN, 0};
  EXPECT_EQ(::poll(&p, 1, 60'000), 1);
  return lookup.take();
}

TEST(host_lookup, finds_addresses) {
  EXPECT_THAT(looked_up("localhost").addresses, testing::Contains("127.0.0.1"));
  EXPECT_THAT(looked_up("127.0.0.2").addresses, testing::ElementsAre("127.0.0.2"));
  const auto none = looked_up("no.such.name.invalid");
  EXPECT_THAT(none.addresses, testing::IsEmpty());
  EXPECT_NE(none.why, "");
  EXPECT_TRUE(host_lookup::is_address("::1"));
  EXPECT_TRUE(host_lookup::is_address("10.0.0.1"));
  EXPECT_FALSE(host_lookup::is_address("db1"));
}

TEST(host_lookup, may_be_given_up) {
  for (int i = 0; i < 20; i++) host_lookup("no.such.name.invalid");
}

}  // namespace
}  // namespace fp
