#include "app/fpctl/cli.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "app/fpctl/port_probe.hpp"
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

TEST(cli, names_the_word_that_is_wrong) {
  for (const auto& [words, reason] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"staus"}, "there is no command \"staus\"; did you mean \"status\"?"},
           {{"indx", "list"}, "there is no command \"indx\"; did you mean \"index\"?"},
           {{"index", "crate", "music"}, "there is no command \"crate\" of \"index\"; did you mean \"create\"?"},
           {{"snap", "music", "file"}, "there is no command \"snap\"; did you mean \"snapshot\"?"},
           {{"xyzzy"}, "there is no command \"xyzzy\" ("},
           {{"--", "status"}, "there is no command \"status\""},
           {{"status", "--jsn"}, "there is no option \"--jsn\" of \"status\"; did you mean \"--json\"?"},
           {{"ingest", "music", "f", "--strat-id=4"},
            "no option \"--strat-id=4\" of \"ingest\"; did you mean \"--start-id\"?"},
           {{"status", "now"}, "\"status\" takes no \"now\""},
           {{"search", "music"}, "HASHES or --file"},
       }) {
    const auto o = run_fpctl(words);
    EXPECT_EQ(o.code, exit_usage) << reason;
    EXPECT_THAT(o.err, HasSubstr(reason));
    EXPECT_EQ(o.err.find('\x01'), std::string::npos);
  }
}

/// An environment variable, for as long as the object lives.
class cli_variable {
 public:
  cli_variable(const char* name, const std::string& value) : name_(name) { ::setenv(name, value.c_str(), 1); }
  ~cli_variable() { ::unsetenv(name_); }
  cli_variable(const cli_variable&) = delete;
  cli_variable& operator=(const cli_variable&) = delete;

 private:
  const char* name_;
};

TEST(cli, takes_the_node_from_the_environment) {
  test::temporary_folder folder;
  test::running_node node{folder / "data"};
  const cli_variable port("FPCTL_PORT", std::to_string(node.port()));
  EXPECT_EQ(run_fpctl({"index", "list"}).out, "no indexes\n");
  const test::tcp_listener other;
  EXPECT_EQ(run_fpctl({"index", "list", "--timeout", "0.2", "--port", std::to_string(other.port())}).code,
            exit_unreachable);
  const cli_variable host("FPCTL_HOST", "127.0.0.2");
  EXPECT_THAT(run_fpctl({"index", "list"}).err, HasSubstr("127.0.0.2:" + std::to_string(node.port())));
  EXPECT_EQ(run_fpctl({"index", "list", "--host", "127.0.0.1"}).code, exit_ok);
  const cli_variable bad("FPCTL_PORT", "x");
  EXPECT_EQ(run_fpctl({"index", "list"}).code, exit_usage);
}

TEST(cli, names_what_is_there_in_place_of_a_node) {
  for (const auto& [greeting, advice] : std::vector<std::pair<std::string, std::string>>{
           {"HTTP/1.1 400 Bad Request\r\n\r\n", "an HTTP server answers there"},
           {std::string("\x15\x03\x01\x00\x02\x02\x32", 7), "TLS is spoken there"},
           {"ERR invalid command\r\n", "the line protocol is spoken there"},
       }) {
    const test::tcp_listener other(greeting, 3);
    const auto o = run_fpctl({"status", "--timeout", "0.5", "--port", std::to_string(other.port())});
    EXPECT_EQ(o.code, exit_unreachable);
    EXPECT_THAT(o.err, HasSubstr(advice));
    EXPECT_THAT(o.err, testing::Not(HasSubstr("protocol version")));
  }
  EXPECT_EQ(advice_for(port_service::tls, true), "");
  EXPECT_THAT(advice_for(port_service::remote_actors, true), HasSubstr("leave --tls-certificate"));
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
  EXPECT_EQ(ctl({"search", "music", "1023", "--probes", "1"}).code, exit_incomplete);
  EXPECT_EQ(ctl({"search", "music", "97,96", "--probes", "1", "--json"}).document()["results"],
            json::parse(R"([{"id":3,"score":2}])"));
  EXPECT_NE(ctl({"search", "music", "3", "--probes", "3"}).code, exit_ok);
  EXPECT_EQ(ctl({"search", "music", "x"}).code, exit_failed);

  EXPECT_EQ(ctl({"document", "music", "3"}).code, exit_ok);
  EXPECT_EQ(ctl({"delete", "music", "3"}).out, "deleted 1 document by commit 2\n");
  EXPECT_EQ(ctl({"document", "music", "3"}).code, exit_not_found);
  EXPECT_EQ(ctl({"index", "info", "music", "--json"}).document()["num_documents"], 2);
  EXPECT_THAT(ctl({"index", "segments", "music"}).out, HasSubstr("memory"));
  EXPECT_EQ(ctl({"checkpoint", "music"}).code, exit_ok);
  EXPECT_EQ(ctl({"merge", "music", "--json"}).document()["num_memory_segments"], 0);
  EXPECT_EQ(ctl({"status", "--json"}).document()["indexes"][0]["state"], "ready");
  EXPECT_EQ(ctl({"watch", "music", "--json"}).document()["state"], "ready");
  EXPECT_EQ(ctl({"reload", "music"}).code, exit_ok);
  EXPECT_EQ(ctl({"index", "delete", "music"}).out, "index music deleted\n");
  const auto none = ctl({"index", "delete", "music"});
  EXPECT_EQ(none.code, exit_incomplete);
  EXPECT_EQ(none.out, "there was no index music\n");
  EXPECT_EQ(ctl({"index", "delete", "music", "--json"}).document()["deleted"], false);
  EXPECT_EQ(ctl({"index", "delete", "music", "--must-exist"}).code, exit_not_found);
  EXPECT_EQ(ctl({"shutdown"}).code, exit_ok);
}

TEST_F(cli_test, tells_of_deletes_what_was_there) {
  ctl({"index", "create", "music"});
  ctl({"ingest", "music", write("tracks", "1|1\n2|2\n3|3\n")});
  const auto none = ctl({"delete", "music", "777"});
  EXPECT_EQ(none.code, exit_incomplete);
  EXPECT_EQ(none.out, "there was no document 777\n");
  EXPECT_EQ(ctl({"delete", "music", "777", "--json"}).document(),
            json::parse(R"({"deleted": [], "absent": [777]})"));
  EXPECT_EQ(ctl({"index", "info", "music", "--json"}).document()["version"], 1);
  const auto some = ctl({"delete", "music", "3", "4", "1", "3"});
  EXPECT_EQ(some.code, exit_incomplete);
  EXPECT_EQ(some.out, "deleted 2 documents by commit 2\nthere was no document 4\n");
  EXPECT_EQ(ctl({"delete", "music", "3"}).code, exit_incomplete);
  const auto last = ctl({"delete", "music", "2", "--json"});
  EXPECT_EQ(last.code, exit_ok);
  EXPECT_EQ(last.document(), json::parse(R"({"deleted": [2], "absent": [], "version": 3})"));
  EXPECT_EQ(ctl({"delete", "nope", "2"}).code, exit_not_found);
}

TEST_F(cli_test, sets_removes_and_shows_metadata) {
  ctl({"index", "create", "music"});
  EXPECT_EQ(ctl({"metadata", "music"}).out, "no metadata\n");
  EXPECT_EQ(ctl({"metadata", "music", "--set", "a=1", "--set", "b=x=y"}).out,
            "set 2 and removed 0 keys by commit 1\n");
  EXPECT_EQ(ctl({"metadata", "music", "--json"}).document(), (json{{"a", "1"}, {"b", "x=y"}}));
  const auto removed = ctl({"metadata", "music", "--remove", "a", "--remove", "absent", "--json"});
  EXPECT_EQ(removed.code, exit_incomplete);
  EXPECT_EQ(removed.document(), json::parse(R"({"set": 0, "removed": 1, "absent": ["absent"], "version": 2})"));
  const auto absent = ctl({"metadata", "music", "--remove", "absent"});
  EXPECT_EQ(absent.code, exit_incomplete);
  EXPECT_EQ(absent.out, "there was no key absent\n");
  EXPECT_EQ(ctl({"metadata", "music", "--json"}).document(), (json{{"b", "x=y"}}));
  EXPECT_EQ(ctl({"metadata", "music", "--set", "novalue"}).code, exit_failed);
}

TEST_F(cli_test, says_that_another_form_changes_no_document) {
  ctl({"index", "create", "music"});
  const auto set = [&](const char* form) {
    return ctl({"metadata", "music", "--set", std::string("hashes=") + form});
  };
  EXPECT_EQ(set("acoustid-28").err, "");
  EXPECT_EQ(set("plain").err, "");
  ctl({"ingest", "music", write("tracks", "1|1,2,3\n")});
  EXPECT_EQ(set("plain").err, "");
  EXPECT_THAT(set("acoustid-28").err, HasSubstr("the 1 documents of index music stay as they are"));
  EXPECT_EQ(set("acoustid-28").err, "");
  const auto removed = ctl({"metadata", "music", "--remove", "hashes"});
  EXPECT_EQ(removed.code, exit_ok);
  EXPECT_THAT(removed.err, HasSubstr("stay as they are"));
  const auto unknown = set("other");
  EXPECT_EQ(unknown.code, exit_failed);
  EXPECT_THAT(unknown.err, HasSubstr("a form of hashes is plain, phone or acoustid-28"));
}

TEST_F(cli_test, says_where_an_ingest_stopped) {
  ctl({"index", "create", "music"});
  const auto file = write("tracks", "1|1\n2|2\n3|\x1b[31m\n4|4\n");
  const auto stopped = ctl({"ingest", "music", file, "--batch", "1"});
  EXPECT_EQ(stopped.code, exit_failed);
  EXPECT_THAT(stopped.err, HasSubstr("tracks:3: "));
  EXPECT_THAT(stopped.err, HasSubstr("2 documents of this run are in the index"));
  EXPECT_EQ(stopped.err.find('\x1b'), std::string::npos);
  EXPECT_THAT(stopped.err, testing::Not(HasSubstr("continues")));  // nothing is remembered here
  const auto skipping = ctl({"ingest", "music", file, "--keep-going", "--json"});
  EXPECT_EQ(skipping.code, exit_incomplete);
  EXPECT_EQ(skipping.document()["documents"], 3);
  EXPECT_EQ(skipping.document()["documents_before"], 0);
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

TEST_F(cli_test, tells_what_could_not_be_decoded) {
  ctl({"index", "create", "music"});
  const cli_variable no_library("XDG_DATA_HOME", folder.path().string());
  const auto o = ctl({"identify", "music", write("silence.wav", "no audio"), "--json"});
  EXPECT_EQ(o.code, exit_failed);
  EXPECT_THAT(o.err, HasSubstr("cannot decode"));
  EXPECT_TRUE(o.document()[0].contains("error"));
}

TEST_F(cli_test, tells_monitoring_whether_all_is_well) {
  EXPECT_EQ(ctl({"status", "--check"}).out, "0 indexes, 0 ready and well\n");
  ctl({"index", "create", "music"});
  ctl({"index", "create", "speech"});
  const auto well = ctl({"status", "--check"});
  EXPECT_EQ(well.code, exit_ok);
  EXPECT_EQ(well.out, "2 indexes, 2 ready and well\n");
  EXPECT_EQ(well.err, "");
  ctl({"ingest", "speech", write("tracks", "1|1\n")});
  ctl({"checkpoint", "speech"});
  const auto segment = [&] {
    for (const auto& e : std::filesystem::recursive_directory_iterator(folder / "data" / "speech")) {
      if (e.is_regular_file() && e.path().extension() == ".seg") return e.path();
    }
    return std::filesystem::path();
  }();
  ASSERT_FALSE(segment.empty());
  node.stop();
  std::filesystem::resize_file(segment, 10);
  test::running_node damaged{folder / "data"};
  const auto on_damaged = [&](std::vector<std::string> words) {
    words.insert(words.end(), {"--port", std::to_string(damaged.port())});
    return run_fpctl(std::move(words));
  };
  on_damaged({"watch", "speech"});
  on_damaged({"watch", "music"});
  const auto ill = on_damaged({"status", "--check"});
  EXPECT_EQ(ill.code, exit_failed);
  EXPECT_EQ(ill.out, "2 indexes, 1 ready and well\n");
  EXPECT_THAT(ill.err, HasSubstr("index speech is failed: "));
  const auto as_json = on_damaged({"status", "--check", "--json"}).document();
  EXPECT_EQ(as_json["ok"], false);
  EXPECT_EQ(as_json["troubles"][0]["name"], "speech");

  // The backups of all: what fails for one is said, and the others are written.
  const auto backups = (folder / "backups").string();
  const auto some = on_damaged({"snapshot", "--all", backups});
  EXPECT_EQ(some.code, exit_failed);
  EXPECT_THAT(some.err, HasSubstr("index speech: "));
  EXPECT_THAT(some.out, HasSubstr("music"));
  EXPECT_THAT(posix_file_system().list(backups), testing::ElementsAre("music.backup"));
  const auto again = on_damaged({"snapshot", "--all", backups, "--json"});
  EXPECT_EQ(again.code, exit_failed);
  EXPECT_EQ(again.document()[0]["error"]["code"], "io_error");
  EXPECT_EQ(on_damaged({"snapshot", "--all", backups, "--force", "--json"}).document()[0]["version"], 0);
  EXPECT_EQ(on_damaged({"restore", "copy", backups + "/music.backup"}).code, exit_ok);
  EXPECT_EQ(on_damaged({"snapshot", "--all", backups, "music", "file"}).code, exit_usage);
  EXPECT_EQ(on_damaged({"snapshot", "music"}).code, exit_usage);
  EXPECT_EQ(on_damaged({"snapshot"}).code, exit_usage);
}

TEST_F(cli_test, takes_words_behind_two_dashes_as_they_are) {
  ctl({"index", "create", "music"});
  const auto dashed = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"--port", std::to_string(node.port())});
    return run_fpctl(std::move(words));
  };
  const auto file = write("-tracks", "1|4294967291,3\n");
  const auto former = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  EXPECT_EQ(dashed({"ingest", "music", "--", "-tracks"}).code, exit_ok);
  EXPECT_EQ(dashed({"ingest", "--", "music", "-tracks"}).code, exit_ok);
  EXPECT_EQ(dashed({"--", "ingest", "music", "-tracks"}).code, exit_usage);
  std::filesystem::current_path(former);
  EXPECT_THAT(dashed({"search", "music", "--", "-5,3"}).out, HasSubstr("100.0 %"));
  EXPECT_THAT(dashed({"search", "music", "--json", "--", "-5", "3"}).out, HasSubstr("\"score\": 2"));
  EXPECT_EQ(dashed({"delete", "music", "--", "1"}).out, "deleted 1 document by commit 3\n");
  EXPECT_EQ(dashed({"document", "--", "music", "-1"}).code, exit_usage);
}

TEST_F(cli_test, wants_the_input_that_is_announced) {
  ctl({"index", "create", "music"});
  const auto empty = write("empty", "# nothing\n");
  EXPECT_EQ(ctl({"ingest", "music", empty}).code, exit_ok);
  const auto announced = ctl({"ingest", "music", empty, "--id", "9"});
  EXPECT_EQ(announced.code, exit_failed);
  EXPECT_THAT(announced.err, HasSubstr("the input holds no fingerprint; nothing was inserted"));
  const auto queries = ctl({"search", "music", "--file", empty});
  EXPECT_EQ(queries.code, exit_failed);
  EXPECT_THAT(queries.err, HasSubstr("no query is in this input"));
  EXPECT_EQ(ctl({"search", "music", "--file", empty, "--json"}).document()["error"]["code"], "bad_request");
  EXPECT_EQ(ctl({"restore", "copy", empty}).code, exit_failed);
}

TEST_F(cli_test, bounds_the_waits_for_its_input) {
  ctl({"index", "create", "music"});
  const auto pipe = (folder / "pipe").string();
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  for (const auto& words : std::vector<std::vector<std::string>>{
           {"ingest", "music", pipe}, {"search", "music", "--file", pipe}, {"restore", "copy", pipe}}) {
    auto bounded = words;
    bounded.insert(bounded.end(), {"--timeout", "1.5"});
    const auto o = ctl(bounded);
    EXPECT_EQ(o.code, exit_failed);
    EXPECT_THAT(o.err, HasSubstr("pipe: nothing came within 1500 ms")) << testing::PrintToString(words);
  }
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
  EXPECT_THAT(ctl({"restore", "other", (folder / "nothing").string()}).err, HasSubstr("No such file"));
  EXPECT_THAT(ctl({"restore", "other", write("text", "no backup")}).err,
              HasSubstr("ends within the stream header"));
  EXPECT_THAT(posix_file_system().list(folder.path()), testing::ElementsAre("backup", "data", "text", "tracks"));
}

}  // namespace
}  // namespace fp::ctl
