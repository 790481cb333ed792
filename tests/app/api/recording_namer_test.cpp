#include "app/api/recording_namer.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <random>

#include "app/api/answer_bodies.hpp"
#include "core/base/error.hpp"
#include "tests/core/support/error_of.hpp"
#include "tests/core/support/temporary_folder.hpp"

namespace fp {
namespace {

using testing::HasSubstr;

class recording_namer_test : public testing::Test {
 protected:
  recording_namer_test() {
    recording_library library(file());
    library.set_index({"music", 3, "127.0.0.1:8090"});
    for (uint32_t seed = 1; seed <= 3; seed++) {
      recording r;
      r.path = "/m/song " + std::to_string(seed) + ".ogg";
      r.title = seed == 2 ? "" : "Song " + std::to_string(seed);
      r.artist = "Somebody";
      r.duration_s = 60;
      library.add("music", r, fingerprint(seed));
    }
  }

  std::string file() const { return (folder / "library.sqlite").string(); }
  static std::vector<hash_value> fingerprint(uint32_t seed) {
    std::mt19937 draw(seed);
    std::vector<hash_value> hashes(400);
    for (auto& h : hashes) h = static_cast<hash_value>(draw());
    return hashes;
  }
  static std::vector<hash_value> piece(uint32_t seed, size_t begin) {
    const auto whole = fingerprint(seed);
    return {whole.begin() + static_cast<ptrdiff_t>(begin), whole.begin() + static_cast<ptrdiff_t>(begin) + 100};
  }
  named_results name(const std::vector<hash_value>& hashes, const std::vector<search_result>& found,
                     uint64_t generation = 3) const {
    return recording_namer(file()).name("music", generation, hashes, found);
  }

  test::temporary_folder folder;
};

TEST_F(recording_namer_test, tells_name_and_place_of_what_bits_agree_with) {
  // Counts of hashes put another document first.
  const auto named = name(piece(2, 80), {{1, 99}, {2, 50}, {77, 3}});
  EXPECT_EQ(named.how, certainty::sure);
  ASSERT_EQ(named.documents.size(), 3u);
  EXPECT_EQ(named.documents[0].id, 2u);
  EXPECT_EQ(named.documents[0].title, "song 2.ogg");
  EXPECT_EQ(named.documents[0].where->offset, 80);
  EXPECT_EQ(named.documents[1].title, "Song 1");
  EXPECT_EQ(named.documents[1].artist, "Somebody");
  EXPECT_FALSE(named.documents[2].is_known);
  const auto body = encode_identified(named, body_format::json);
  EXPECT_THAT(body,
              HasSubstr(R"({"verdict":"sure","reason":"","results":[{"id":2,"score":50,"title":"song 2.ogg")"));
  EXPECT_THAT(body, HasSubstr(R"("place":9.9)"));
  EXPECT_THAT(body, HasSubstr(R"({"id":77,"score":3})"));
}

TEST_F(recording_namer_test, says_why_it_is_not_sure) {
  const auto other = name(piece(9, 0), {{1, 5}});
  EXPECT_EQ(other.how, certainty::none);
  EXPECT_EQ(other.documents[0].title, "Song 1");
  EXPECT_THAT(encode_identified(other, body_format::json), HasSubstr(R"("verdict":"none","reason":"nothing)"));
  const auto silent = name(std::vector<hash_value>(100, silence_hash), {{1, 1}});
  EXPECT_EQ(silent.how, certainty::none);
  EXPECT_EQ(silent.why, doubt::silence);
  EXPECT_EQ(name(piece(1, 0), {}).how, certainty::none);
}

TEST_F(recording_namer_test, does_not_name_documents_of_another_generation) {
  const auto named = name(piece(1, 0), {{1, 100}}, 4);
  EXPECT_EQ(named.how, certainty::none);
  EXPECT_FALSE(named.documents[0].is_known);
}

TEST_F(recording_namer_test, throws_when_there_is_no_library) {
  EXPECT_THAT(test::error_of([&] { recording_namer((folder / "none").string()).name("music", 3, {1}, {}); }).what(),
              HasSubstr("none"));
  std::ofstream(folder / "text") << "no library of any kind, but long enough to be looked at";
  EXPECT_THAT(test::error_of([&] { recording_namer((folder / "text").string()).name("music", 3, {1}, {}); }).what(),
              HasSubstr("text"));
}

}  // namespace
}  // namespace fp
