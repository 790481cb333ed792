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
}

TEST(HttpUrl, RefusesOthers) {
  for (const char* text :
       {"https://host/main", "http://", "http://:80/main", "http://host:port/", "http://host:123456"}) {
    EXPECT_TRUE(is_url(text));
    EXPECT_THROW(parse_url(text), error) << text;
  }
  EXPECT_FALSE(is_url("/var/lib/fpindex"));
}

}  // namespace
}  // namespace fp
