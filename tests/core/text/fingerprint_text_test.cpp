#include "core/text/fingerprint_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <algorithm>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>

#include "core/text/gzip_reader.hpp"
#include "tests/core/support/error_of.hpp"
#include "tests/support/source_file.hpp"

namespace fp {
namespace {

using namespace std::string_literals;
using test::error_of;
using hashes = std::vector<hash_value>;

/// The one fingerprint that a text of one or more lines holds.
text_fingerprint read_one(const std::string& text) {
  fingerprint_reader reader;
  std::optional<text_fingerprint> found;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    if (auto fingerprint = reader.feed(line)) {
      EXPECT_FALSE(found.has_value()) << text;
      found = std::move(fingerprint);
    }
  }
  EXPECT_TRUE(found.has_value()) << text;
  return found.value_or(text_fingerprint{});
}

/// What the reader says of a bad line that comes third.
std::string complaint(std::string_view line) {
  fingerprint_reader reader;
  reader.feed("# a comment");
  reader.feed("1|1");
  const error e = error_of([&] { reader.feed(line); });
  EXPECT_EQ(e.code(), errc::bad_request);
  EXPECT_EQ(reader.feed("5|6").value().hashes, hashes{6}) << "the reader must go on after " << line;
  return e.what();
}

std::string hash_complaint(std::string_view text) {
  const error e = error_of([&] { parse_hashes(text); });
  EXPECT_EQ(e.code(), errc::bad_request);
  return e.what();
}

TEST(parse_hashes, separators_brackets_and_signs) {
  EXPECT_EQ(parse_hashes("1"), (hashes{1}));
  EXPECT_EQ(parse_hashes("1,2,3"), (hashes{1, 2, 3}));
  EXPECT_EQ(parse_hashes(" 1 , 2\t3  4,\t5 \r\n"), (hashes{1, 2, 3, 4, 5}));
  EXPECT_EQ(parse_hashes("{1,2}"), (hashes{1, 2}));
  EXPECT_EQ(parse_hashes(" [ 1, 2 ] "), (hashes{1, 2}));
  EXPECT_EQ(parse_hashes("0,4294967295,2147483648"), (hashes{0, 0xffffffff, 0x80000000}));
  EXPECT_EQ(parse_hashes("-1,-2147483648,-0,007"), (hashes{0xffffffff, 0x80000000, 0, 7}));
}

TEST(parse_hashes, says_what_and_where) {
  EXPECT_EQ(hash_complaint(""), "column 1: no hashes");
  EXPECT_EQ(hash_complaint("  {}"), "column 4: no hashes");
  EXPECT_EQ(hash_complaint("1,x2,3"), "column 3: found \"x2\", allowed a hash from -2147483648 to 4294967295");
  EXPECT_EQ(hash_complaint("1 4294967296"),
            "column 3: found \"4294967296\", allowed a hash from -2147483648 to 4294967295");
  EXPECT_EQ(hash_complaint("-2147483649"),
            "column 1: found \"-2147483649\", allowed a hash from -2147483648 to 4294967295");
  for (const char* word : {"+1", "1.5", "0x1", "1e3", "-", "--1", "1-2", "1;2", "1}", "\x01", "1_"}) {
    EXPECT_THAT(hash_complaint("7,"s + word), testing::StartsWith("column 3: found \"")) << word;
  }
  EXPECT_EQ(hash_complaint(",1"), "column 1: a comma without a hash before it");
  EXPECT_EQ(hash_complaint("1,,2"), "column 3: a comma without a hash before it");
  EXPECT_EQ(hash_complaint("1,2,"), "column 4: a comma without a hash behind it");
  EXPECT_EQ(hash_complaint("{1,2 , }"), "column 6: a comma without a hash behind it");
  EXPECT_EQ(hash_complaint("{1,2"), "column 1: the list opens with { and does not end with }");
  EXPECT_EQ(hash_complaint("[1,2}"), "column 1: the list opens with [ and does not end with ]");
  EXPECT_EQ(hash_complaint("{"), "column 1: the list opens with { and does not end with }");
  EXPECT_LT(hash_complaint(std::string(1'000'000, '9')).size(), 150u);
}

TEST(fingerprint_reader, understands_each_form) {
  for (const char* text :
       {"7|1,2,4294967295", "7|{1,2,-1}", "7|[1, 2, -1]", "7\t{1,2,-1}", "7\t1,2,-1", " 7 |1 2 -1", "7|1,2,-1\r",
        "\xef\xbb\xbf"
        "7|1,2,-1"}) {
    const text_fingerprint found = read_one(text);
    EXPECT_EQ(found.id, 7u) << text;
    EXPECT_EQ(found.hashes, (hashes{1, 2, 0xffffffff})) << text;
    EXPECT_EQ(found.label, "") << text;
  }
  const text_fingerprint query = read_one("AC|DC live\t7\t1,2");
  EXPECT_EQ(query.id, 7u);
  EXPECT_EQ(query.hashes, (hashes{1, 2}));
  EXPECT_EQ(query.label, "AC|DC live");
}

TEST(fingerprint_reader, understands_fpcalc) {
  text_fingerprint found = read_one("DURATION=8\nFINGERPRINT=1476292916,1975386372,1442578757\n");
  EXPECT_FALSE(found.id.has_value());
  EXPECT_EQ(found.hashes, (hashes{1476292916, 1975386372, 1442578757}));
  EXPECT_EQ(found.label, "");
  found = read_one("FILE=a=b | c.mp3\r\nTIMESTAMP=1795471396.12\r\nDURATION=8\r\nFINGERPRINT=-599897690\r\n");
  EXPECT_EQ(found.hashes, (hashes{3695069606}));
  EXPECT_EQ(found.label, "a=b | c.mp3");

  fingerprint_reader reader;
  EXPECT_FALSE(reader.feed("FILE=first.mp3"));
  EXPECT_EQ(reader.feed("FINGERPRINT=1").value().label, "first.mp3");
  EXPECT_FALSE(reader.feed(""));
  EXPECT_EQ(reader.feed("FINGERPRINT=2").value().label, "") << "a name belongs to one block";
}

TEST(fingerprint_reader, understands_fpcalc_json) {
  text_fingerprint found =
      read_one("{\"timestamp\": 1795471396.15, \"duration\": 3.00, \"fingerprint\": [1476292916, -1, 4294967295]}");
  EXPECT_FALSE(found.id.has_value());
  EXPECT_EQ(found.hashes, (hashes{1476292916, 0xffffffff, 0xffffffff}));
  found = read_one(
      R"(  {"tags": {"id": [0, {"fingerprint": "x"}]}, "fingerprint": [-2147483648], "label": "t\u00e9", "id": 4294967295})");
  EXPECT_EQ(found.id, 4294967295u);
  EXPECT_EQ(found.hashes, (hashes{0x80000000}));
  EXPECT_EQ(found.label, "t\xc3\xa9");
}

TEST(fingerprint_reader, skips_comments_and_empty_lines_but_counts_them) {
  fingerprint_reader reader;
  for (const char* line : {"", "   ", "\t", "\r", "# 7|x", "  # indented"}) EXPECT_FALSE(reader.feed(line)) << line;
  EXPECT_EQ(reader.line_number(), 6u);
  EXPECT_STREQ(error_of([&] { reader.feed("7|"); }).what(), "line 7: column 3: no hashes");
}

TEST(fingerprint_reader, says_line_and_reason) {
  const std::string allowed = ", allowed a hash from -2147483648 to 4294967295";
  EXPECT_EQ(complaint("7|1,2,x"), "line 3: column 7: found \"x\"" + allowed);
  EXPECT_EQ(complaint("7|{1,y}"), "line 3: column 6: found \"y\"" + allowed);
  EXPECT_EQ(complaint("7\t1,z"), "line 3: column 5: found \"z\"" + allowed);
  EXPECT_EQ(complaint("q\t7\t1,z"), "line 3: column 7: found \"z\"" + allowed);
  EXPECT_EQ(complaint("FINGERPRINT=1,?"), "line 3: column 15: found \"?\"" + allowed);
  EXPECT_EQ(complaint("7|{}"), "line 3: column 4: no hashes");
  EXPECT_EQ(complaint("FINGERPRINT="), "line 3: column 13: no hashes");
  EXPECT_EQ(complaint("0|1"), "line 3: document id: found \"0\", allowed 1 to 4294967295");
  EXPECT_EQ(complaint("4294967296|1"), "line 3: document id: found \"4294967296\", allowed 1 to 4294967295");
  EXPECT_EQ(complaint("-1|1"), "line 3: document id: found \"-1\", allowed 1 to 4294967295");
  EXPECT_EQ(complaint("|1"), "line 3: document id: found \"\", allowed 1 to 4294967295");
  EXPECT_EQ(complaint("a\t1,2"), "line 3: document id: found \"a\", allowed 1 to 4294967295");
  EXPECT_EQ(complaint("label\tb\t1,2"), "line 3: document id: found \"b\", allowed 1 to 4294967295");
  EXPECT_EQ(complaint("ERROR: \x1b no audio"),
            "line 3: found \"ERROR: \\x1b no audio\", which is in no known form of a fingerprint");
  EXPECT_EQ(complaint("FINGERPRINT=AQAAK1PGZEmS"),
            "line 3: the fingerprint is in compressed form; fpcalc -raw writes hashes");
}

TEST(fingerprint_reader, says_what_is_wrong_with_json) {
  const std::string id_range = ", allowed 1 to 4294967295", hash_range = ", allowed -2147483648 to 4294967295";
  EXPECT_EQ(complaint(R"({"fingerprint": "AQAAK1"})"),
            "line 3: the fingerprint is in compressed form; fpcalc -raw writes hashes");
  EXPECT_EQ(complaint(R"({"duration": 1})"), "line 3: no member \"fingerprint\" or \"hashes\"");
  EXPECT_EQ(complaint(R"({"tags": {"fingerprint": [1]}})"), "line 3: no member \"fingerprint\" or \"hashes\"");
  EXPECT_EQ(complaint(R"({"fingerprint": []})"), "line 3: no hashes");
  EXPECT_EQ(complaint(R"({"fingerprint": 7})"), "line 3: fingerprint: found 7, allowed an array of hashes");
  EXPECT_EQ(complaint(R"({"fingerprint": {"a": 1}})"),
            "line 3: fingerprint: found an object, allowed an array of hashes");
  EXPECT_EQ(complaint(R"({"fingerprint": [1, 4294967296]})"), "line 3: hash 2: found 4294967296" + hash_range);
  EXPECT_EQ(complaint(R"({"fingerprint": [-2147483649]})"), "line 3: hash 1: found -2147483649" + hash_range);
  EXPECT_EQ(complaint(R"({"fingerprint": [1.0]})"), "line 3: hash 1: found 1.0" + hash_range);
  EXPECT_EQ(complaint(R"({"fingerprint": ["1"]})"), "line 3: hash 1: found \"1\"" + hash_range);
  EXPECT_EQ(complaint(R"({"fingerprint": [[1]]})"), "line 3: hash 1: found an array" + hash_range);
  EXPECT_EQ(complaint(R"({"fingerprint": [null]})"), "line 3: hash 1: found null" + hash_range);
  EXPECT_EQ(complaint(R"({"id": 0, "fingerprint": [1]})"), "line 3: document id: found 0" + id_range);
  EXPECT_EQ(complaint(R"({"id": -1, "fingerprint": [1]})"), "line 3: document id: found -1" + id_range);
  EXPECT_EQ(complaint(R"({"id": 4294967296, "fingerprint": [1]})"),
            "line 3: document id: found 4294967296" + id_range);
  EXPECT_EQ(complaint(R"({"id": "7", "fingerprint": [1]})"), "line 3: document id: found \"7\"" + id_range);
  EXPECT_EQ(complaint(R"({"id": [7], "fingerprint": [1]})"), "line 3: document id: found an array" + id_range);
  EXPECT_EQ(complaint(R"({"label": 7, "fingerprint": [1]})"), "line 3: label: found 7, allowed a string");
  EXPECT_EQ(complaint(R"({"id": 7, "id": 7, "fingerprint": [1]})"), "line 3: member \"id\" is given twice");
  EXPECT_THAT(complaint(R"({"fingerprint": [1,]})"), testing::StartsWith("line 3: column 20: "));
  EXPECT_THAT(complaint(R"({"fingerprint": [1)"), testing::StartsWith("line 3: column 19: "));
  EXPECT_THAT(complaint(R"({"fingerprint": [1]} {)"), testing::StartsWith("line 3: column 22: "));
  EXPECT_EQ(complaint("{\"fingerprint\": [1]}\0{"s), "line 3: column 21: a zero byte");
}

TEST(fingerprint_reader, refuses_deep_nesting) {
  const std::string deep(10'000'000, '[');
  EXPECT_EQ(complaint("{\"a\":" + deep), "line 3: JSON nested deeper than 8 levels");
  std::string objects;
  for (int i = 0; i < 1'000'000; i++) objects += "{\"a\":";
  EXPECT_EQ(complaint(objects), "line 3: JSON nested deeper than 8 levels");
  fingerprint_reader reader;
  reader.feed("{");
  EXPECT_STREQ(error_of([&] { reader.feed("\"a\": [[[[[[[["); }).what(),
               "line 2: the JSON that begins in line 1: JSON nested deeper than 8 levels");
}

/// Cases that the operator's page is held to as well (tests/system/test_page_use.py).
nlohmann::json all_forms() {
  return nlohmann::json::parse(std::ifstream(test::source_file("tests/data/fingerprint_forms.json")));
}

std::vector<text_fingerprint> fingerprints_of(const nlohmann::json& list) {
  std::vector<text_fingerprint> all;
  for (const auto& j : list) {
    text_fingerprint f{std::nullopt, j["hashes"], j.value("label", "")};
    if (j.contains("id")) f.id = j["id"];
    all.push_back(std::move(f));
  }
  return all;
}

std::vector<text_fingerprint> read_by_line(const std::string& text) {
  fingerprint_reader reader;
  std::vector<text_fingerprint> all;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    if (auto found = reader.feed(line)) all.push_back(std::move(*found));
  }
  reader.finish();
  return all;
}

TEST(fingerprint_forms, are_read_as_the_table_says) {
  size_t refused = 0;
  for (const auto& c : all_forms()) {
    const std::string text = c["text"];
    if (c.contains("refused")) {
      refused++;
      const std::string reason = c["refused"]["fpctl"];
      EXPECT_THAT(error_of([&] { read_fingerprints(text); }).what(), testing::HasSubstr(reason)) << c;
      if (!c.contains("lines")) {
        EXPECT_THAT(error_of([&] { read_by_line(text); }).what(), testing::HasSubstr(reason)) << c;
        continue;
      }
    } else {
      EXPECT_TRUE(read_fingerprints(text) == fingerprints_of(c["fingerprints"])) << c;
    }
    EXPECT_TRUE(read_by_line(text) == fingerprints_of(c.contains("lines") ? c["lines"] : c["fingerprints"])) << c;
  }
  EXPECT_GT(refused, 20u);
}

TEST(fingerprint_reader, goes_on_behind_json_that_is_cut_off) {
  for (const char* next : {"{\"hashes\": [5]}", "7|5", "7\t5", "a\t7\t5"}) {
    fingerprint_reader reader;
    reader.feed("1|1");
    EXPECT_FALSE(reader.feed("{"));
    EXPECT_FALSE(reader.feed(" \"hashes\": ["));
    const error e = error_of([&] { reader.feed(next); });
    EXPECT_STREQ(e.what(), "line 3: the JSON that begins in line 2 is cut off") << next;
    ASSERT_TRUE(reader.wants_line_again());
    EXPECT_EQ(reader.feed(next).value().hashes, hashes{5}) << next;
    EXPECT_FALSE(reader.wants_line_again());
    EXPECT_EQ(reader.line_number(), 4u);
    reader.finish();
  }
  fingerprint_reader reader;
  reader.feed("{");
  reader.feed("\"hashes\": [1,");
  EXPECT_THAT(error_of([&] { reader.feed("x]}"); }).what(),
              testing::StartsWith("line 3: the JSON that begins in line 1: column 1: "));
  EXPECT_EQ(reader.feed("7|1").value().id, 7u);
  reader.feed("{");
  EXPECT_STREQ(error_of([&] { reader.finish(); }).what(), "line 5: the JSON that begins in line 5 is cut off");
  reader.finish();
}

TEST(fingerprint_reader, bounds_json_that_goes_on) {
  fingerprint_reader reader;
  reader.feed("[");
  const std::string line = std::string(size_t{1} << 20, ' ') + ",";
  const error e = error_of([&] {
    for (int i = 0; i < 100; i++) reader.feed(line);
  });
  EXPECT_THAT(e.what(), testing::HasSubstr("is longer than 67108864 bytes"));
  EXPECT_EQ(reader.line_number(), 65u);
}

/// A document and the ways to write it, each with what of it the form carries.
struct written {
  std::string text;
  bool has_id, has_label;
};

std::vector<written> write_all(document_id id, const hashes& values, const std::string& label,
                               std::mt19937& random) {
  const auto list = [&](bool as_signed) {
    std::string text;
    for (const hash_value h : values) {
      if (!text.empty()) text += ',';
      text += as_signed ? std::to_string(static_cast<int32_t>(h)) : std::to_string(h);
    }
    return text;
  };
  const std::string some = list(random() % 2 == 0);
  const std::string number = std::to_string(id);
  return {
      {number + "|" + some, true, false},
      {number + "|{" + list(true) + "}", true, false},
      {number + "\t{" + some + "}", true, false},
      {label + "\t" + number + "\t" + some, true, true},
      {"DURATION=3\nFINGERPRINT=" + some, false, false},
      {"FILE=" + label + "\nDURATION=3\nFINGERPRINT=" + some, false, true},
      {"{\"duration\": 3.00, \"fingerprint\": [" + some + "]}", false, false},
      {"{\"id\": " + number + ", \"label\": \"" + label + "\", \"fingerprint\": [" + some + "]}", true, true},
  };
}

hashes random_hashes(std::mt19937& random) {
  hashes values(1 + random() % 40);
  for (hash_value& h : values) h = static_cast<hash_value>(random()) >> (random() % 2 ? 0 : random() % 32);
  return values;
}

TEST(fingerprint_reader, round_trips_random_fingerprints_through_every_form) {
  std::mt19937 random(3);
  for (int round = 0; round < 500; round++) {
    const hashes values = random_hashes(random);
    const document_id id = std::max<document_id>(1, static_cast<document_id>(random()) >> (random() % 32));
    const std::string label = "track " + std::to_string(round);
    for (const written& w : write_all(id, values, label, random)) {
      const text_fingerprint found = read_one(w.text);
      EXPECT_EQ(found.hashes, values) << w.text;
      EXPECT_EQ(found.id, w.has_id ? std::optional(id) : std::nullopt) << w.text;
      EXPECT_EQ(found.label, w.has_label ? label : "") << w.text;
    }
  }
}

TEST(fingerprint_reader, mutated_lines_parse_or_throw_one_line) {
  std::mt19937 random(4);
  constexpr std::string_view interesting = "0123456789,-|{}[]\t \r\"#:=.eE\\\x00\x7f\xff";
  int refused = 0;
  for (int round = 0; round < 3000; round++) {
    for (const written& w : write_all(7, random_hashes(random), "label", random)) {
      std::string text = w.text;
      for (unsigned edits = 1 + random() % 3; edits > 0; edits--) {
        const size_t at = random() % (text.size() + 1);
        const char c = random() % 4 ? interesting[random() % interesting.size()] : static_cast<char>(random());
        switch (random() % 4) {
          case 0:
            text.insert(at, 1, c);
            break;
          case 1:
            text.erase(at, random() % 5);
            break;
          case 2:
            text.resize(at);
            break;
          case 3:
            text = text.substr(0, at) + c + text.substr(std::min(at + 1, text.size()));
            break;
        }
      }
      fingerprint_reader reader;
      std::istringstream in(text);
      for (std::string line; std::getline(in, line);) {
        try {
          if (const auto found = reader.feed(line)) {
            EXPECT_FALSE(found->hashes.empty());
            EXPECT_NE(found->id, 0u);
          }
        } catch (const error& e) {
          refused++;
          EXPECT_EQ(e.code(), errc::bad_request);
          EXPECT_TRUE(
              std::string_view(e.what()).starts_with("line " + std::to_string(reader.line_number()) + ": "));
          EXPECT_EQ(std::string_view(e.what()).find_first_of("\n\r\t\x7f"), std::string_view::npos);
          EXPECT_LT(std::string_view(e.what()).size(), 400u);
        }
      }
    }
  }
  EXPECT_GT(refused, 3000);
}

TEST(fingerprint_reader, reads_the_music_collection) {
  line_reader lines = line_reader::open(test::source_file("tests/data/fingerprints.txt.gz"));
  fingerprint_reader reader;
  size_t documents = 0, total = 0;
  for (std::string_view line; lines.next(line);) {
    const auto found = reader.feed(line);
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->id, ++documents);
    total += found->hashes.size();
  }
  EXPECT_EQ(documents, 625u);
  EXPECT_EQ(total, 886'813u);

  line_reader clips = line_reader::open(test::source_file("tests/data/clips.tsv.gz"));
  fingerprint_reader queries;
  std::map<std::string, int> variants;
  for (std::string_view line; clips.next(line);) {
    const auto found = queries.feed(line);
    ASSERT_TRUE(found.has_value());
    EXPECT_LE(found->id, 625u);
    variants[found->label]++;
  }
  EXPECT_EQ(variants,
            (std::map<std::string, int>{{"clip30", 100}, {"mp3_64k", 100}, {"noise", 100}, {"speed1", 100}}));
}

}  // namespace
}  // namespace fp
