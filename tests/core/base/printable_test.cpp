#include "core/base/printable.hpp"

#include <gtest/gtest.h>

#include <random>

namespace fp {
namespace {

using namespace std::string_literals;

TEST(printable, keeps_text_and_escapes_the_rest) {
  EXPECT_EQ(printable("max_segments"), "max_segments");
  EXPECT_EQ(printable("K\xc3\xb6ln \xe2\x82\xac \xf0\x9f\x8e\xb5"), "K\xc3\xb6ln \xe2\x82\xac \xf0\x9f\x8e\xb5");
  EXPECT_EQ(printable("a\nb\tc\r\x1b[31m\x7f"s + '\0'), "a\\nb\\tc\\r\\x1b[31m\\x7f\\x00");
  EXPECT_EQ(quoted("say \"hi\" \\"), "\"say \\\"hi\\\" \\\\\"");
}

TEST(printable, escapes_what_is_not_utf8) {
  EXPECT_EQ(printable("\xff"), "\\xff");
  EXPECT_EQ(printable("\xc3"), "\\xc3");                    // cut off
  EXPECT_EQ(printable("\xc0\xaf"), "\\xc0\\xaf");           // overlong
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // a surrogate
  EXPECT_EQ(printable("\xc2\x85"), "\\xc2\\x85");           // a C1 control character: next line
}

TEST(printable, shortens_without_cutting_a_character) {
  EXPECT_EQ(printable(std::string(60, 'x')), std::string(60, 'x'));
  EXPECT_EQ(printable(std::string(61, 'x')), std::string(60, 'x') + "...");
  EXPECT_EQ(printable("ab\xc3\xb6", 3), "ab...");
  EXPECT_EQ(printable("ab\n", 3), "ab...");
}

TEST(printable, never_lets_a_control_character_through) {
  std::mt19937 random(1);
  for (int round = 0; round < 5000; round++) {
    std::string text(random() % 40, '\0');
    for (char& c : text) c = static_cast<char>(random());
    for (const char c : printable(text)) EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
  }
}

}  // namespace
}  // namespace fp
