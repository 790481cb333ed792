#include "app/api/access_control.hpp"

#include <gtest/gtest.h>

#include "app/api/route_access.hpp"
#include "app/api/routes.hpp"
#include "core/base/error.hpp"

namespace fp {
namespace {

const std::string reader_token(16, 'r'), writer_token(16, 'w'), admin_token(16, 'a');

std::string refusal_of(const std::string& text) {
  try {
    token_list::parse(text, "tokens");
  } catch (const error& e) {
    EXPECT_EQ(e.code(), errc::invalid_configuration);
    return e.what();
  }
  ADD_FAILURE() << text << " was taken";
  return {};
}

TEST(token_list, tells_roles) {
  const auto list = token_list::parse(
      "# who may what\n\nread " + reader_token + "\r\n  write\t" + writer_token + "  \nadmin " + admin_token,
      "tokens");
  EXPECT_EQ(list.size(), 3u);
  EXPECT_EQ(list.role_of(reader_token), access_role::read);
  EXPECT_EQ(list.role_of(writer_token), access_role::write);
  EXPECT_EQ(list.role_of(admin_token), access_role::admin);
  EXPECT_EQ(list.role_of(reader_token + "r"), std::nullopt);
  EXPECT_EQ(list.role_of(""), std::nullopt);
}

TEST(token_list, refuses_with_the_line_and_without_the_token) {
  const std::string secret = "Secret0123456789";
  for (const auto& bad :
       {"root " + secret, secret, secret + " read", "READ " + secret, "read " + secret.substr(0, 15),
        "read " + secret + " x", "read " + secret + "*", "read " + secret + "=x", "read " + std::string(16, '='),
        "read " + secret + "\nwrite " + secret, std::string("read"), "read " + secret + std::string(512, 'x')}) {
    const auto text = refusal_of("#\n" + bad);
    EXPECT_NE(text.find(bad.find('\n') == std::string::npos ? "tokens: line 2: " : "tokens: line 3: "),
              std::string::npos)
        << text;
    EXPECT_EQ(text.find("ecret0123"), std::string::npos) << text;
  }
  EXPECT_NE(refusal_of("# nobody\n").find("no token"), std::string::npos);
}

TEST(bearer_token, is_a_scheme_and_a_token) {
  EXPECT_EQ(bearer_token("Bearer " + reader_token), reader_token);
  EXPECT_EQ(bearer_token("bEARER   " + reader_token), reader_token);
  for (const auto& bad :
       {std::string(), std::string("Bearer"), std::string("Bearer "), "Basic " + reader_token,
        "Bearer" + reader_token, reader_token, "Bearer " + reader_token + " x", "Bearer \xe9" + reader_token}) {
    EXPECT_EQ(bearer_token(bad), std::nullopt) << bad;
  }
}

std::optional<access_role> role_for(http_method method, std::string_view target) {
  std::vector<std::string> segments;
  EXPECT_TRUE(split_target(target, segments));
  return needed_role(method, segments);
}

TEST(needed_role, fits_the_route) {
  using enum http_method;
  constexpr auto nobody = std::optional<access_role>();
  for (const auto look : {get, head}) {
    for (const auto target : {"/", "/_health", "/_page/page.js"})
      EXPECT_EQ(role_for(look, target), nobody) << target;
    for (const auto target : {"/music", "/music/7", "/music/_health", "/music/_status", "/music/_segments",
                              "/music/_history", "/_metrics", "/_page/overview", "/music/_nothing", "/_health/7"}) {
      EXPECT_EQ(role_for(look, target), access_role::read) << target;
    }
    EXPECT_EQ(role_for(look, "/music/_snapshot"), access_role::admin);
    EXPECT_EQ(role_for(look, "/music/%5Fsnapshot?x=1"), access_role::admin);
  }
  EXPECT_EQ(role_for(post, "/music/_search"), access_role::read);
  EXPECT_EQ(role_for(post, "/music/_update"), access_role::write);
  for (const auto change : {put, del}) {
    EXPECT_EQ(role_for(change, "/music/7"), access_role::write);
    for (const auto target : {"/music", "/_health", "/_metrics", "/", "/_page/page.js", "/music/_search"}) {
      EXPECT_EQ(role_for(change, target), access_role::admin) << target;
    }
  }
  EXPECT_EQ(role_for(post, "/music/_snapshot"), access_role::admin);
  EXPECT_EQ(role_for(other, "/music/7"), access_role::admin);
}

}  // namespace
}  // namespace fp
