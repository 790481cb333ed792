#include "app/changelog/postgres_address.hpp"

#include <gmock/gmock.h>

#include "core/base/error.hpp"
#include "tests/core/support/error_of.hpp"

namespace fp {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;
using testing::Pair;

TEST(postgres_address, takes_hosts_and_parameters_apart) {
  const auto a = parse_postgres_url(
      "postgresql://me:secret@db1,db2:5433,[::1]/feed?sslmode=require&connect_timeout=7&target_session_attrs=any"
      "&keepalives_idle=9");
  ASSERT_EQ(a.hosts.size(), 3u);
  EXPECT_EQ(a.hosts[0].host, "db1");
  EXPECT_EQ(a.hosts[0].port, "");
  EXPECT_EQ(a.hosts[1].shown(), "db2:5433");
  EXPECT_EQ(a.hosts[2].host, "::1");
  EXPECT_EQ(a.shown, "db1,db2:5433,::1/feed");
  EXPECT_EQ(a.connect_timeout, std::chrono::seconds(7));
  EXPECT_THAT(a.parameters, Contains(Pair("user", "me")));
  EXPECT_THAT(a.parameters, Contains(Pair("password", "secret")));
  EXPECT_THAT(a.parameters, Contains(Pair("sslmode", "require")));
  EXPECT_THAT(a.parameters, Contains(Pair("keepalives_idle", "9")));
  EXPECT_THAT(a.parameters, Contains(Pair("tcp_user_timeout", "3000")));
  for (const auto* gone : {"host", "port", "target_session_attrs", "connect_timeout"}) {
    EXPECT_THAT(a.parameters, Not(Contains(Pair(gone, testing::_)))) << gone;
  }
}

TEST(postgres_address, knows_sockets_and_addresses) {
  const auto socket = parse_postgres_url("postgresql:///feed?host=/run/postgresql&port=5434");
  EXPECT_EQ(socket.shown, "/run/postgresql:5434/feed");
  EXPECT_EQ(parse_postgres_url("postgres://").shown, "the local socket");
  const auto by_address = parse_postgres_url("postgresql://db1,db2/feed?hostaddr=10.0.0.1,10.0.0.2&port=6000");
  EXPECT_EQ(by_address.hosts[1].address, "10.0.0.2");
  EXPECT_EQ(by_address.hosts[1].port, "6000");
  EXPECT_EQ(by_address.shown, "db1:6000,db2:6000/feed");
}

TEST(postgres_address, shows_nothing_of_a_password) {
  for (const auto* url :
       {"postgresql://me:sec%zzret@db/feed", "postgresql://me:secret@db/feed?bogus=1",
        "postgresql://me:secret@[db/feed", "postgresql://me:secret@db/feed?connect_timeout=secretly",
        "postgresql://me:secret@a,b,c/feed?port=1,2", "http://me:secret@db",
        "postgresql://me:secret@1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7/feed"}) {
    const auto e = test::error_of([&] { parse_postgres_url(url); });
    EXPECT_EQ(e.code(), errc::invalid_configuration) << url;
    EXPECT_THAT(e.what(), HasSubstr("changelog's URL")) << url;
    EXPECT_THAT(e.what(), Not(testing::ContainsRegex("sec%|secret"))) << url;
  }
  EXPECT_FALSE(is_postgres_url("http://x"));
  EXPECT_TRUE(is_postgres_url("postgres://x"));
}

}  // namespace
}  // namespace fp
