#include <gmock/gmock.h>

#include <fstream>

#include "tests/app/support/run_fpctl.hpp"
#include "tests/app/support/running_node.hpp"
#include "tests/core/support/temporary_folder.hpp"
#include "tests/support/source_file.hpp"

namespace fp::ctl {
namespace {

TEST(fingerprint_forms, are_read_wherever_a_fingerprint_is) {
  test::temporary_folder folder;
  test::running_node node{folder / "data"};
  const auto ctl = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"--port", std::to_string(node.port())});
    return run_fpctl(std::move(words));
  };
  const auto write = [&](const std::string& name, const std::string& text) {
    std::ofstream(folder / name) << text;
    return (folder / name).string();
  };
  ctl({"index", "create", "music"});
  ctl({"ingest", "music", write("track", "50|4294967295,2147483648,1,0\n")});
  const auto forms = json::parse(std::ifstream(test::source_file("tests/data/fingerprint_forms.json")));
  size_t searched = 0;
  for (const auto& form : forms) {
    const auto file = write("form", form["text"]);
    const bool read = form.contains("fingerprints"), is_one = read && form["fingerprints"].size() == 1;
    const auto o = ctl({"search", "music", "--json", "--", form["text"]});
    EXPECT_EQ(o.code, is_one ? exit_ok : exit_failed) << form << o.err;
    const auto lines = form.contains("lines") ? form["lines"] : read ? form["fingerprints"] : json();
    const auto queries = ctl({"search", "music", "--json", "--file", file}).document();
    const auto ingested = ctl({"ingest", "music", "--json", "--start-id", "100", file}).document();
    if (lines.is_array() && !lines.empty()) {
      EXPECT_EQ(queries["queries"], lines.size()) << form;
      EXPECT_EQ(ingested["documents"], lines.size()) << form;
    } else {
      EXPECT_TRUE(queries.contains("error")) << form;
    }
    if (!is_one) continue;
    searched++;
    EXPECT_EQ(o.document()["hashes"], 4) << form;
    EXPECT_EQ(o.document()["results"][0]["score"], 4) << form;
  }
  EXPECT_GT(searched, 15u);
  const auto split = ctl({"search", "music", "--json", "FILE=my", "song.wav", "DURATION=7", "FINGERPRINT=-1,1"});
  EXPECT_EQ(split.document()["hashes"], 2);
}

}  // namespace
}  // namespace fp::ctl
