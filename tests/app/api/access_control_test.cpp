#include "app/api/access_control.hpp"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace fp
