#include "app/changelog/http_url.hpp"

#include <gtest/gtest.h>

#include "core/base/error.hpp"

namespace fp {
namespace {

TEST(HttpUrl, TakesHostPortAndPath) {
  const auto whole = parse_url("http://fp.example:6081/main/");
  EXPECT_EQ(whole.host, "fp.example");
  EXPECT_EQ(whole.port, "6081");
  EXPECT_EQ(whole.path, "main");
  EXPECT_EQ(parse_url("http://10.0.0.1").port, "80");
  EXPECT_EQ(parse_url("http://10.0.0.1/").path, "");
  const auto v6 = parse_url("http://[::1]:8080/a");
  EXPECT_EQ(v6.host, "::1");
  EXPECT_EQ(v6.port, "8080");
  EXPECT_EQ(parse_url("http://[::1]").host, "::1");
  EXPECT_EQ(whole.origin(), "http://fp.example:6081");
  const auto secure = parse_url("https://fp.example/main");
  EXPECT_TRUE(secure.tls);
  EXPECT_EQ(secure.origin(), "https://fp.example:443");
  EXPECT_EQ(secure.path, "main");
  EXPECT_THROW(parse_plain_url("https://fp.example/main"), error);
}

TEST(HttpUrl, RefusesOthers) {
  for (const char* text :
       {"ftp://host/main", "http://", "https://", "http://:80/main", "http://host:port/", "http://host:123456"}) {
    EXPECT_TRUE(is_url(text));
    EXPECT_THROW(parse_url(text), error) << text;
  }
  EXPECT_FALSE(is_url("/var/lib/fpindex"));
}

}  // namespace
}  // namespace fp
