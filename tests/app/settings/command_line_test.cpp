#include "app/node/command_line.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "app/node/settings_change.hpp"
#include "app/node/start_checks.hpp"
#include "tests/core/support/error_of.hpp"
#include "tests/core/support/temporary_folder.hpp"

namespace fp {
namespace {

using test::error_of;

command_line called_with(std::vector<const char*> words) {
  words.insert(words.begin(), "fpnode");
  const auto parsed = command_line::parse(static_cast<int>(words.size()), words.data());
  EXPECT_TRUE(std::holds_alternative<command_line>(parsed));
  return std::get<command_line>(parsed);
}

TEST(command_line, of_a_repeated_flag_the_last_counts) {
  EXPECT_EQ(called_with({"--threads", "0x", "--threads", "3"}).read().values.threads, 3u);
  EXPECT_STREQ(error_of([] {
                 called_with({"--threads", "3", "--threads=x"}).read();
               }).what(),
               "--threads: found \"x\", allowed a whole number 0 to 1024");
}

TEST(command_line, words_that_it_does_not_know_are_warned_of) {
  const auto line = called_with({"--quorum", "--shards", "http://a", "--treads=4", "--port", "0"});
  EXPECT_THAT(line.warnings(),
              testing::UnorderedElementsAre(testing::HasSubstr("--quorum: unknown flag"),
                                            testing::HasSubstr("--shards: unknown flag"), "http://a: no flag",
                                            "--treads: unknown flag; did you mean --threads?"));
  EXPECT_EQ(line.read().values.port, (port_setting{true, 0}));
  EXPECT_TRUE(called_with({"--threads", "1"}).warnings().empty());
}

TEST(command_line, the_flag_alone_turns_on_what_can_be_on_or_off) {
  const auto line = called_with({"--coordinator", "--port", "0", "--parallel-loading", "off"});
  EXPECT_TRUE(line.warnings().empty());
  EXPECT_TRUE(line.read().values.cluster.coordinator);
  EXPECT_FALSE(line.read().values.parallel_loading);
  EXPECT_FALSE(called_with({"--coordinator", "off"}).read().values.cluster.coordinator);
  EXPECT_EQ(error_of([] { called_with({"--coordinator", "maybe"}).read(); }).code(), errc::invalid_configuration);
}

TEST(command_line, strictly_they_end_it) {
  testing::internal::CaptureStderr();
  const char* words[] = {"fpnode", "--strict", "--treads", "4"};
  const auto parsed = command_line::parse(4, words);
  const std::string said = testing::internal::GetCapturedStderr();
  ASSERT_TRUE(std::holds_alternative<int>(parsed));
  EXPECT_EQ(std::get<int>(parsed), 2);
  EXPECT_THAT(said, testing::StartsWith("fpnode: --treads: unknown flag; did you mean --threads?\n"));
}

TEST(command_line, flags_override_the_file_which_is_read_anew_each_time) {
  const test::temporary_folder folder;
  const auto file = (folder / "c.json").string();
  const auto write = [&](const char* text) { std::ofstream(file) << text; };
  write(R"({"threads": 5, "log_level": "warn"})");
  const auto line = called_with({"--config", "nothing", "--config", file.c_str(), "--threads", "2"});
  EXPECT_EQ(line.read().values.threads, 2u);
  EXPECT_EQ(line.read().values.log_level, "warn");
  write(R"({"log_level": "debug"})");
  EXPECT_EQ(line.read().values.log_level, "debug");
  write(R"({"unknown": 1})");
  EXPECT_EQ(error_of([&] { line.read(); }).code(), errc::invalid_configuration);
}

TEST(command_line, a_missing_file_is_a_wrong_configuration) {
  const error e = error_of([] { called_with({"--config", "/nonexistent/c.json"}).read(); });
  EXPECT_EQ(e.code(), errc::invalid_configuration);
  EXPECT_THAT(e.what(), testing::HasSubstr("/nonexistent/c.json"));
}

TEST(command_line, places_are_looked_at_before_a_start) {
  const test::temporary_folder folder;
  const auto complaint_about = [](const path& dir, const path& log) {
    node_config c;
    c.dir = dir.string();
    c.log_file = log.string();
    try {
      check_data_folder(c);
      check_log_file(c);
    } catch (const error& e) {
      EXPECT_EQ(e.code(), errc::invalid_configuration);
      return std::string(e.what());
    }
    return std::string();
  };
  const path file = folder / "file";
  std::ofstream(file.string()) << "text";
  EXPECT_EQ(complaint_about(folder / "data", ""), "");
  EXPECT_EQ(complaint_about(folder / "a" / "b" / "c", folder / "log"), "");
  EXPECT_EQ(complaint_about(folder.path(), file), "");
  EXPECT_EQ(complaint_about("data", "log"), "");
  EXPECT_EQ(complaint_about(file, ""), "dir: " + file.string() + ": a file, and no folder");
  EXPECT_THAT(complaint_about(file / "data", ""), testing::StartsWith("dir: "));
  EXPECT_EQ(complaint_about(folder / "data", folder.path()),
            "log_file: " + folder.path().string() + ": a folder, and no file");
  EXPECT_EQ(complaint_about(folder / "data", folder / "none" / "log"),
            "log_file: " + (folder / "none").string() + ": no such folder");
  EXPECT_THAT(complaint_about(folder / "data", file / "log"), testing::StartsWith("log_file: "));
  EXPECT_FALSE(std::filesystem::exists(folder / "data"));
  EXPECT_FALSE(std::filesystem::exists(folder / "log"));
}

TEST(settings_change, takes_over_what_may_change_and_names_the_rest) {
  node_config in_force = parse_config(R"({"log_level": "info", "port": 0, "checkpoint_threshold": 5})", "");
  node_config fresh = parse_config(R"({"log_level": "debug", "port": "off", "scrub_bytes_per_second": 0,
                                       "legacy_port": "any", "checkpoint_threshold": 5, "dir": "other"})",
                                   "");
  const auto change = take_over(in_force, fresh);
  EXPECT_THAT(change.applied,
              testing::ElementsAre("scrub_bytes_per_second: 0 (was 8388608)", "log_level: debug (was info)"));
  EXPECT_THAT(change.after_restart,
              testing::ElementsAre("dir: other (was data)", "port: off (was 0)", "legacy_port: any (was off)"));
  EXPECT_EQ(in_force.log_level, "debug");
  EXPECT_EQ(in_force.scrub_bytes_per_second, 0u);
  EXPECT_EQ(in_force.port, (port_setting{true, 0}));
  EXPECT_EQ(in_force.dir, "data");
  // What needs a restart is named each time, until there is one.
  const auto again = take_over(in_force, fresh);
  EXPECT_TRUE(again.applied.empty());
  EXPECT_EQ(again.after_restart, change.after_restart);
  EXPECT_TRUE(take_over(in_force, node_config(in_force)).after_restart.empty());
}

TEST(command_line, tells_whether_anybody_asks_for_remote_actors) {
  EXPECT_FALSE(called_with({}).read().asks_for_caf);
  EXPECT_FALSE(called_with({"--port", "8081"}).read().asks_for_caf);
  EXPECT_TRUE(called_with({"--caf-port", "8090"}).read().asks_for_caf);
  EXPECT_TRUE(called_with({"--caf-host", "127.0.0.1"}).read().asks_for_caf);
}

}  // namespace
}  // namespace fp
