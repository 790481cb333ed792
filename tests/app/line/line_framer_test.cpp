#include "app/line/line_framer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace fp {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr size_t max_line_bytes = 4;

/// What becomes of pieces; "!" stands for a line that is too long.
std::vector<std::string> lines_of(const std::vector<std::string_view>& pieces) {
  line_framer framer(max_line_bytes);
  std::vector<std::string> lines;
  for (const auto piece : pieces) {
    framer.feed(piece);
    while (const auto line = framer.next()) lines.emplace_back(*line);
  }
  if (framer.is_too_long()) lines.emplace_back("!");
  return lines;
}

std::vector<std::string> lines_of(std::string_view text) { return lines_of(std::vector{text}); }

TEST(line_framer, takes_both_line_ends_and_keeps_what_has_none) {
  EXPECT_THAT(lines_of("a\nb\r\n\n\r\n \rc\r\r\nd"), ElementsAre("a", "b", "", "", " \rc\r"));
  EXPECT_THAT(lines_of(""), IsEmpty());
}

TEST(line_framer, refuses_what_is_too_long) {
  EXPECT_THAT(lines_of("abcd\nabcd\r\na"), ElementsAre("abcd", "abcd"));
  EXPECT_THAT(lines_of("a\nabcde\nb\n"), ElementsAre("a", "!"));
  EXPECT_THAT(lines_of("abcde\r\n"), ElementsAre("!"));
  // One more byte may be the beginning of the end.
  EXPECT_THAT(lines_of("abcd\r"), IsEmpty());
  EXPECT_THAT(lines_of("abcdef"), ElementsAre("!"));
}

TEST(line_framer, finds_the_same_lines_in_all_pieces) {
  for (const std::string_view text :
       {"a\r\n\nbc\r\ndef\n", "abcd\r\nabcd\nx", "a\nabcde\r\nb\n", "ab\nabcdefgh", "\r\r\n\n\r"}) {
    const auto expected = lines_of(text);
    // Each bit of a number cuts at one place.
    for (uint32_t cuts = 0; cuts < 1u << (text.size() - 1); cuts++) {
      std::vector<std::string_view> pieces;
      size_t begin = 0;
      for (size_t end = 1; end <= text.size(); end++) {
        if (end < text.size() && (cuts >> (end - 1) & 1) == 0) continue;
        pieces.push_back(text.substr(begin, end - begin));
        begin = end;
      }
      ASSERT_EQ(lines_of(pieces), expected) << testing::PrintToString(pieces);
    }
  }
}

TEST(line_framer, counts_what_waits_and_forgets_it) {
  line_framer framer(max_line_bytes);
  framer.feed("ab\ncd\ne");
  EXPECT_EQ(framer.waiting_bytes(), 7u);
  EXPECT_EQ(framer.next(), "ab");
  EXPECT_EQ(framer.waiting_bytes(), 4u);
  framer.feed("f\n");
  EXPECT_EQ(framer.next(), "cd");
  EXPECT_EQ(framer.next(), "ef");
  EXPECT_EQ(framer.next(), std::nullopt);
  EXPECT_EQ(framer.waiting_bytes(), 0u);
  framer.feed("gh\ni");
  framer.clear();
  EXPECT_EQ(framer.waiting_bytes(), 0u);
  EXPECT_EQ(framer.next(), std::nullopt);
}

}  // namespace
}  // namespace fp
