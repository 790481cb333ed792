#include "app/node/logging.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>
#include <vector>

#include "tests/core/support/error_of.hpp"
#include "tests/core/support/temporary_folder.hpp"

namespace fp {
namespace {

using test::error_of;

std::string formatted(std::string_view format, std::string_view message) {
  spdlog::memory_buf_t out;
  make_log_formatter(format)->format(
      spdlog::details::log_msg("fpnode", spdlog::level::warn,
                               spdlog::string_view_t(message.data(), message.size())),
      out);
  return {out.data(), out.size()};
}

std::string text_of_file(const path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Messages of the lines of a text log.
std::vector<std::string> messages_in(const path& file) {
  std::ifstream in(file);
  std::vector<std::string> messages;
  for (std::string line; std::getline(in, line);) {
    messages.push_back(line.substr(std::min(line.find(" info ") + 6, line.size())));
  }
  return messages;
}

TEST(log_formatter, text_has_time_level_and_message) {
  EXPECT_THAT(formatted("text",
                        "index a: r\xc3\xa9"
                        "ady 100%"),
              testing::MatchesRegex("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{3}[+-][0-9]{2}:[0-9]{2} warning "
                                    "index a: r\xc3\xa9"
                                    "ady 100%\n"));
}

TEST(log_formatter, a_text_message_cannot_forge_a_line) {
  EXPECT_THAT(
      formatted("text", "a\n2026-01-01T00:00:00.000+00:00 critical b\r\x1b[2J\x80\xc2\x85"),
      testing::EndsWith(" warning a\\n2026-01-01T00:00:00.000+00:00 critical b\\r\\x1b[2J\\x80\\xc2\\x85\n"));
}

TEST(log_formatter, json_is_one_ascii_line_that_parses_to_the_message) {
  const std::string message =
      "a\n\"b\"\\ \x01\x7f \xe2\x80\xa8 r\xc3\xa9"
      "ady";
  const std::string line = formatted("json", message);
  const auto object = nlohmann::json::parse(line);
  EXPECT_EQ(object.size(), 3u);
  EXPECT_EQ(object.at("message"), message);
  EXPECT_EQ(object.at("level"), "warning");
  EXPECT_THAT(object.at("time").get<std::string>(), testing::StartsWith("20"));
  EXPECT_EQ(nlohmann::json::parse(formatted("json",
                                            "a\xff"
                                            "b"))
                .at("message"),
            "a\xef\xbf\xbd"
            "b");
}

TEST(log_formatter, any_bytes_make_one_clean_line) {
  std::mt19937 random(11);
  for (int round = 0; round < 2000; round++) {
    std::string message(random() % 40, ' ');
    for (char& c : message) c = static_cast<char>(random());
    for (const char* format : {"text", "json"}) {
      const std::string line = formatted(format, message);
      ASSERT_FALSE(line.empty());
      EXPECT_EQ(line.back(), '\n');
      EXPECT_TRUE(
          std::none_of(line.begin(), line.end() - 1, [](unsigned char c) { return c < 0x20 || c == 0x7f; }));
      if (format == std::string_view("json")) {
        EXPECT_TRUE(nlohmann::json::accept(line));
        EXPECT_TRUE(std::none_of(line.begin(), line.end(), [](unsigned char c) { return c >= 0x80; }));
      }
    }
  }
}

class log_file : public ::testing::Test {
 protected:
  config settings(uint64_t rotate_bytes = 0, uint32_t rotate_files = 2) {
    config c;
    c.log_file = file.string();
    c.log_rotate_bytes = rotate_bytes;
    c.log_rotate_files = rotate_files;
    return c;
  }
  path rotated(int number) const { return file.string() + "." + std::to_string(number); }

  test::temporary_folder folder;
  path file = folder / "node.log";
};

TEST_F(log_file, appends_lines_of_the_level_and_above) {
  std::ofstream(file) << "x info before\n";
  config c = settings();
  c.log_level = "info";
  node_log log(c);
  log.logger()->debug("too detailed");
  log.logger()->info("one {}", 1);
  log.logger()->info("two");
  EXPECT_THAT(messages_in(file), testing::ElementsAre("before", "one 1", "two"));
}

TEST_F(log_file, is_not_for_everybody) {
  node_log log(settings());
  struct stat info;
  ASSERT_EQ(::stat(file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07137, 0u);
}

TEST_F(log_file, cannot_be_opened) {
  config c = settings();
  c.log_file = (folder / "absent" / "node.log").string();
  const error e = error_of([&] { node_log log(c); });
  EXPECT_EQ(e.code(), errc::io_error);
  EXPECT_EQ(std::string(e.what()), "cannot open log file " + c.log_file + ": No such file or directory");
  c.log_file = folder.path().string();
  EXPECT_THAT(error_of([&] { node_log log(c); }).what(), testing::HasSubstr("Is a directory"));
}

TEST_F(log_file, goes_on_in_a_new_file_when_reopened_after_a_rename) {
  node_log log(settings());
  log.logger()->info("one");
  std::filesystem::rename(file, folder / "moved");
  log.logger()->info("two");
  log.reopen();
  log.logger()->info("three");
  EXPECT_THAT(messages_in(folder / "moved"), testing::ElementsAre("one", "two"));
  EXPECT_THAT(messages_in(file), testing::ElementsAre("log file opened again", "three"));
}

TEST_F(log_file, stays_open_when_it_cannot_be_reopened) {
  node_log log(settings());
  std::filesystem::rename(file, folder / "moved");
  std::filesystem::create_directory(file);
  log.reopen();
  log.logger()->info("still here");
  EXPECT_THAT(text_of_file(folder / "moved"),
              testing::AllOf(testing::HasSubstr("error cannot open log file " + file.string() + ": Is a directory"),
                             testing::EndsWith("info still here\n")));
}

TEST_F(log_file, rotates_by_size_and_keeps_so_many) {
  const uint64_t line_bytes = formatted("text", "message 00").size() - 3;  // "info" is shorter than "warning"
  node_log log(settings(3 * line_bytes));
  for (int i = 0; i < 11; i++) log.logger()->info("message {:02}", i);
  EXPECT_THAT(messages_in(file), testing::ElementsAre("message 09", "message 10"));
  EXPECT_THAT(messages_in(rotated(1)), testing::ElementsAre("message 06", "message 07", "message 08"));
  EXPECT_THAT(messages_in(rotated(2)), testing::ElementsAre("message 03", "message 04", "message 05"));
  EXPECT_FALSE(std::filesystem::exists(rotated(3)));
}

TEST_F(log_file, counts_what_was_there_before_towards_the_size) {
  std::ofstream(file) << "x info before\n";
  node_log log(settings(20));
  log.logger()->info("new");
  EXPECT_THAT(messages_in(rotated(1)), testing::ElementsAre("before"));
  EXPECT_THAT(messages_in(file), testing::ElementsAre("new"));
}

TEST_F(log_file, a_line_above_the_size_is_kept_whole) {
  node_log log(settings(10, 1));
  log.logger()->info("a long message");
  EXPECT_THAT(messages_in(file), testing::ElementsAre("a long message"));
  EXPECT_FALSE(std::filesystem::exists(rotated(1)));
}

TEST_F(log_file, no_line_is_lost_when_a_rotation_fails) {
  std::filesystem::create_directories(rotated(1) / "in the way");
  std::filesystem::create_directories(rotated(2) / "in the way");
  node_log log(settings(1));
  std::vector<std::string> failures;
  log.logger()->set_error_handler([&](const std::string& text) { failures.push_back(text); });
  for (int i = 0; i < 3; i++) log.logger()->info("message {}", i);
  EXPECT_THAT(messages_in(file), testing::ElementsAre("message 0", "message 1", "message 2"));
  EXPECT_THAT(failures, testing::Contains(testing::HasSubstr("cannot rename log file")));
}

TEST_F(log_file, many_threads_write_whole_lines_through_rotations) {
  constexpr int num_threads = 4, num_lines = 300;
  node_log log(settings(4'000, 1'000));
  std::vector<std::thread> threads;
  for (int t = 0; t < num_threads; t++) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < num_lines; i++) log.logger()->info("{} {}", t, i);
    });
  }
  for (auto& thread : threads) thread.join();
  std::vector<std::string> all, expected;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    EXPECT_LE(entry.file_size(), 4'000u);
    for (auto& message : messages_in(entry.path())) all.push_back(std::move(message));
  }
  for (int t = 0; t < num_threads; t++) {
    for (int i = 0; i < num_lines; i++) expected.push_back(std::to_string(t) + " " + std::to_string(i));
  }
  EXPECT_THAT(all, testing::UnorderedElementsAreArray(expected));
}

TEST(log_to_standard_error, is_not_reopened) {
  testing::internal::CaptureStderr();
  {
    node_log log(config{});
    log.reopen();
  }
  EXPECT_THAT(testing::internal::GetCapturedStderr(),
              testing::EndsWith(" info the log goes to standard error: nothing to open again\n"));
}

}  // namespace
}  // namespace fp
