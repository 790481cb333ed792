#include "app/fpctl/audio_tags.hpp"

#include <gtest/gtest.h>

#include "app/fpctl/duplicate_search.hpp"

namespace fp::ctl {
namespace {

TEST(audio_tags_test, are_read_of_file_and_stream) {
  EXPECT_EQ(read_ffprobe(R"({"streams": [{"duration": "3.5", "tags": {"TITLE": " Winter\nSky ", "artist": "x"}}],
                             "format": {"duration": "4.25", "tags": {"Artist": "N\u00f6rd", "title": ""}}})"),
            (audio_tags{"Winter\\nSky", "N\xc3\xb6rd", 4.25}));
  EXPECT_EQ(read_ffprobe(R"({"streams": [{"duration": "3.5"}], "format": {}})"), (audio_tags{"", "", 3.5}));
}

TEST(audio_tags_test, are_empty_where_nothing_fits) {
  for (const auto* output : {"", "x", "[]", "{}", R"({"format": []})", R"({"format": {"duration": 3, "tags": []}})",
                             R"({"format": {"duration": "N/A", "tags": {"title": 3}}})", R"({"streams": {}})",
                             R"({"streams": []})", R"({"streams": ["x"]})", R"({"format": {"duration": "-1"}})",
                             R"({"format": {"duration": "inf"}})", R"({"format": {"tags": {"title": "   "}}})"}) {
    EXPECT_EQ(read_ffprobe(output), audio_tags()) << output;
  }
}

TEST(duplicate_groups, hold_what_pairs_connect) {
  EXPECT_TRUE(group_pairs({}).empty());
  EXPECT_EQ(group_pairs({{2, 9, 1}, {1, 3, 1}, {3, 7, 1}, {4, 9, 1}, {1, 7, 1}}),
            (std::vector<std::vector<document_id>>{{1, 3, 7}, {2, 4, 9}}));
}

}  // namespace
}  // namespace fp::ctl
