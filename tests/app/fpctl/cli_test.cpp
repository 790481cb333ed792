#include "app/fpctl/cli.hpp"

#include <gmock/gmock.h>

#include <fstream>
#include <sstream>

#include "tests/app/support/run_fpctl.hpp"
#include "tests/app/support/running_node.hpp"
#include "tests/app/support/tcp_listener.hpp"
#include "tests/core/support/temporary_folder.hpp"

namespace fp::ctl {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(cli, refuses_wrong_command_lines) {
  for (const auto& words :
       std::vector<std::vector<std::string>>{{},
                                             {"bogus"},
                                             {"index"},
                                             {"search", "music"},
                                             {"search", "music", "1", "--file", "x"},
                                             {"search", "music", "1", "--expect"},
                                             {"ingest", "music"},
                                             {"ingest", "music", "f", "--id", "0"},
                                             {"ingest", "music", "f", "--id", "1", "--start-id", "2"},
                                             {"document", "music", "0"},
                                             {"delete", "music", "4294967296"},
                                             {"check"},
                                             {"repair", "data"},
                                             {"repair", "data", "--drop-segment", "music"},
                                             {"status", "--port", "0"},
                                             {"status", "--timeout", "x"}}) {
    const auto o = run_fpctl(words);
    EXPECT_EQ(o.code, exit_usage) << testing::PrintToString(words);
    EXPECT_THAT(o.err, StartsWith("fpctl: ")) << testing::PrintToString(words);
    EXPECT_EQ(o.out, "");
  }
}

TEST(cli, helps) {
  const auto o = run_fpctl({"--help"});
  EXPECT_EQ(o.code, exit_ok);
  EXPECT_THAT(o.out, HasSubstr(exit_code_table));
  EXPECT_EQ(run_fpctl({"ingest", "--help"}).code, exit_ok);
}

TEST(cli, tells_when_there_is_no_node) {
  std::string port;
  { port = std::to_string(test::tcp_listener().port()); }
  const auto o = run_fpctl({"status", "--port", port, "--json"});
  EXPECT_EQ(o.code, exit_unreachable);
  EXPECT_THAT(o.err, HasSubstr("127.0.0.1:" + port));
  EXPECT_EQ(o.document()["error"]["code"], "unreachable");
}

class cli_test : public testing::Test {
 protected:
  outcome ctl(std::vector<std::string> words) const {
    words.push_back("--port");
    words.push_back(std::to_string(node.port()));
    return run_fpctl(std::move(words));
  }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(folder / name) << text;
    return (folder / name).string();
  }

  test::temporary_folder folder;
  test::running_node node{folder / "data"};
};

TEST_F(cli_test, serves_an_index_from_creation_to_deletion) {
  EXPECT_EQ(ctl({"index", "list"}).out, "no indexes\n");
  EXPECT_EQ(ctl({"index", "info", "music"}).code, exit_not_found);
  EXPECT_EQ(ctl({"index", "create", "music"}).out, "index music created, generation 1\n");
  EXPECT_EQ(ctl({"index", "create", "music", "--new"}).code, exit_failed);
  const auto file = write("tracks", "1|1,2,3,4\n2|3,4,5,6\n3|100,101\n");
  const auto inserted = ctl({"--json", "ingest", "music", file, "--checkpoint"});
  EXPECT_EQ(inserted.code, exit_ok);
  EXPECT_EQ(inserted.document()["documents"], 3);
  EXPECT_EQ(inserted.document()["checkpoint"]["num_file_segments"], 1);

  const auto found = ctl({"search", "music", "3,4", "5", "-6", "--json"});
  EXPECT_EQ(found.code, exit_ok);
  EXPECT_EQ(found.document()["hashes"], 4);
  EXPECT_EQ(found.document()["results"], json::parse(R"([{"id":2,"score":3},{"id":1,"score":2}])"));
  EXPECT_EQ(ctl({"search", "music", "3,4,5"}).out,
            "document  score  of the query\n"
            "       2      3       100.0 %\n"
            "       1      2        66.7 %\n");
  EXPECT_EQ(ctl({"search", "music", "999"}).code, exit_incomplete);
  EXPECT_EQ(ctl({"search", "music", "x"}).code, exit_failed);

  EXPECT_EQ(ctl({"document", "music", "3"}).code, exit_ok);
  EXPECT_EQ(ctl({"delete", "music", "3", "4"}).code, exit_ok);
  EXPECT_EQ(ctl({"document", "music", "3"}).code, exit_not_found);
  EXPECT_EQ(ctl({"index", "info", "music", "--json"}).document()["num_documents"], 2);
  EXPECT_THAT(ctl({"index", "segments", "music"}).out, HasSubstr("memory"));
  EXPECT_EQ(ctl({"checkpoint", "music"}).code, exit_ok);
  EXPECT_EQ(ctl({"merge", "music", "--json"}).document()["num_memory_segments"], 0);
  EXPECT_EQ(ctl({"status", "--json"}).document()["indexes"][0]["state"], "ready");
  EXPECT_EQ(ctl({"watch", "music", "--json"}).document()["state"], "ready");
  EXPECT_EQ(ctl({"reload", "music"}).code, exit_ok);
  EXPECT_EQ(ctl({"index", "delete", "music"}).out, "index music deleted\n");
  EXPECT_EQ(ctl({"index", "delete", "music"}).code, exit_ok);
  EXPECT_EQ(ctl({"index", "delete", "music", "--must-exist"}).code, exit_not_found);
  EXPECT_EQ(ctl({"shutdown"}).code, exit_ok);
}

TEST_F(cli_test, sets_removes_and_shows_metadata) {
  ctl({"index", "create", "music"});
  EXPECT_EQ(ctl({"metadata", "music"}).out, "no metadata\n");
  EXPECT_EQ(ctl({"metadata", "music", "--set", "a=1", "--set", "b=x=y"}).out,
            "set 2 and removed 0 keys by commit 1\n");
  EXPECT_EQ(ctl({"metadata", "music", "--json"}).document(), (json{{"a", "1"}, {"b", "x=y"}}));
  EXPECT_EQ(ctl({"metadata", "music", "--remove", "a", "--remove", "absent", "--json"}).document()["version"], 2);
  EXPECT_EQ(ctl({"metadata", "music", "--json"}).document(), (json{{"b", "x=y"}}));
  EXPECT_EQ(ctl({"metadata", "music", "--set", "novalue"}).code, exit_failed);
}

TEST_F(cli_test, says_where_an_ingest_stopped) {
  ctl({"index", "create", "music"});
  const auto file = write("tracks", "1|1\n2|2\n3|\x1b[31m\n4|4\n");
  const auto stopped = ctl({"ingest", "music", file, "--batch", "1"});
  EXPECT_EQ(stopped.code, exit_failed);
  EXPECT_THAT(stopped.err, HasSubstr("tracks:3: "));
  EXPECT_THAT(stopped.err, HasSubstr("2 documents of this run are in the index"));
  EXPECT_EQ(stopped.err.find('\x1b'), std::string::npos);
  const auto skipping = ctl({"ingest", "music", file, "--keep-going", "--json"});
  EXPECT_EQ(skipping.code, exit_incomplete);
  EXPECT_EQ(skipping.document()["documents"], 1);
  EXPECT_EQ(skipping.document()["documents_before"], 2);
  EXPECT_EQ(skipping.document()["skipped_lines"], 1);
}

TEST_F(cli_test, compares_queries_with_what_is_expected) {
  ctl({"index", "create", "music"});
  std::string tracks, queries;
  for (int id = 1; id <= 100; id++) {
    const auto h = std::to_string(id * 1000);
    tracks += std::to_string(id) + "|" + h + "," + h + "1," + h + "2\n";
    // Every tenth query of "half" expects another document than it finds.
    const auto expected = std::to_string(id % 10 == 0 ? id + 1 : id);
    queries += "half\t" + expected + "\t" + h + "," + h + "1\nwhole\t" + std::to_string(id) + "\t" + h + "," + h +
               "1," + h + "2\n";
  }
  ASSERT_EQ(ctl({"ingest", "music", write("tracks", tracks)}).code, exit_ok);
  const auto file = write("queries", queries);
  const auto o = ctl({"search", "music", "--file", file, "--expect", "--json"});
  EXPECT_EQ(o.code, exit_ok);
  const auto j = o.document();
  EXPECT_EQ(j["queries"], 200);
  EXPECT_EQ(j["unmatched"], 0);
  EXPECT_EQ(j["expected"]["matched"], 190);
  EXPECT_EQ(j["expected"]["labels"]["half"]["matched"], 90);
  EXPECT_EQ(j["expected"]["labels"]["whole"]["share"], 1.0);
  EXPECT_EQ(j["results"][0], json::parse(R"({"label":"half","expected":1,"best":1,"score":2,"margin":2})"));
  const auto text = ctl({"search", "music", "--file", file, "--expect"}).out;
  EXPECT_THAT(text, HasSubstr("\nhalf       100           90   90.0 %\n"
                              "whole      100          100  100.0 %\n"
                              "all        200          190   95.0 %\n"));
  const auto unknown = ctl({"search", "music", "--file", write("other", "7|424242\n1|1000\n")});
  EXPECT_EQ(unknown.code, exit_incomplete);
  EXPECT_THAT(unknown.out, HasSubstr("none"));
}

TEST_F(cli_test, tells_what_fpcalc_could_not_do) {
  ctl({"index", "create", "music"});
  const auto o = ctl({"identify", "music", write("silence.wav", "no audio"), "--json"});
  EXPECT_EQ(o.code, exit_failed);
  EXPECT_THAT(o.err, HasSubstr("fpcalc"));
  EXPECT_TRUE(o.document()[0].contains("error"));
}

TEST_F(cli_test, takes_and_restores_backups) {
  ctl({"index", "create", "music"});
  ctl({"ingest", "music", write("tracks", "1|1,2,3,4\n2|3,4,5,6\n")});
  const auto file = (folder / "backup").string();
  const auto taken = ctl({"snapshot", "music", file});
  EXPECT_EQ(taken.code, exit_ok) << taken.err;
  EXPECT_THAT(taken.out, HasSubstr("version     1\n"));
  const auto refused = ctl({"snapshot", "music", file, "--json"});
  EXPECT_EQ(refused.code, exit_failed);
  EXPECT_EQ(refused.document()["error"]["code"], "io_error");
  const auto replaced = ctl({"snapshot", "music", file, "--json", "--force"});
  EXPECT_EQ(replaced.code, exit_ok);
  EXPECT_EQ(replaced.document()["version"], 1);
  const auto printed = ctl({"snapshot", "music", "-"});
  EXPECT_EQ(printed.out, read_file(posix_file_system(), file));
  EXPECT_EQ(ctl({"snapshot", "music", "-", "--json"}).code, exit_usage);
  EXPECT_EQ(ctl({"snapshot", "nope", (folder / "other").string()}).code, exit_not_found);

  const auto restored = ctl({"restore", "copy", file, "--json"});
  EXPECT_EQ(restored.code, exit_ok) << restored.err;
  EXPECT_EQ(restored.document()["documents"], 2);
  EXPECT_EQ(restored.document()["source"]["name"], "music");
  EXPECT_EQ(ctl({"search", "copy", "3,4,5"}).out, ctl({"search", "music", "3,4,5"}).out);
  EXPECT_EQ(ctl({"restore", "copy", file}).code, exit_failed);
  EXPECT_THAT(ctl({"restore", "other", (folder / "nothing").string()}).err, HasSubstr("cannot be opened"));
  EXPECT_THAT(ctl({"restore", "other", write("text", "no backup")}).err,
              HasSubstr("ends within the stream header"));
  EXPECT_THAT(posix_file_system().list(folder.path()), testing::ElementsAre("backup", "data", "text", "tracks"));
}

}  // namespace
}  // namespace fp::ctl
