#include "core/text/gzip_reader.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <fstream>
#include <random>
#include <thread>

#include "tests/core/support/error_of.hpp"
#include "tests/core/support/temporary_folder.hpp"

namespace fp {
namespace {

using namespace std::string_literals;
using test::error_of;
using test::temporary_folder;
using lines = std::vector<std::string>;

std::string gzip(const std::string& text, int level = 6) {
  z_stream stream = {};
  EXPECT_EQ(deflateInit2(&stream, level, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

lines read_all(line_reader& reader) {
  lines all;
  for (std::string_view line; reader.next(line);) all.emplace_back(line);
  return all;
}

class line_reader_test : public testing::Test {
 protected:
  std::string file(const std::string& contents) {
    const path name = folder_ / "input";
    std::ofstream(name, std::ios::binary) << contents;
    return name.string();
  }
  lines read(const std::string& contents) {
    line_reader reader = line_reader::open(file(contents));
    const lines all = read_all(reader);
    EXPECT_EQ(reader.bytes_read(), contents.size());
    EXPECT_EQ(reader.bytes_total(), contents.size());
    std::string_view line;
    EXPECT_FALSE(reader.next(line)) << "the end stays the end";
    return all;
  }
  error failure(const std::string& contents) {
    line_reader reader = line_reader::open(file(contents));
    return error_of([&] { read_all(reader); });
  }

  temporary_folder folder_;
};

TEST_F(line_reader_test, splits_lines) {
  EXPECT_EQ(read(""), lines{});
  EXPECT_EQ(read("\n"), lines{""});
  EXPECT_EQ(read("a"), lines{"a"});
  EXPECT_EQ(read("a\nb\n"), (lines{"a", "b"}));
  EXPECT_EQ(read("a\r\n\r\nb"), (lines{"a", "", "b"}));
  EXPECT_EQ(read("a\rb\n\0c\n"s), (lines{"a\rb", "\0c"s}));
  EXPECT_EQ(read("\x1f"), lines{"\x1f"});
}

TEST_F(line_reader_test, decompresses_members_in_a_row) {
  EXPECT_EQ(read(gzip("a\nb\n")), (lines{"a", "b"}));
  EXPECT_EQ(read(gzip("")), lines{});
  EXPECT_EQ(read(gzip("a\nhalf") + gzip("") + gzip(" and half\nc")), (lines{"a", "half and half", "c"}));
  EXPECT_EQ(read(gzip("a\n") + std::string(1000, '\0')), lines{"a"}) << "padding";
}

TEST_F(line_reader_test, matches_a_naive_split_of_random_text) {
  std::mt19937 random(5);
  for (int round = 0; round < 30; round++) {
    std::string text, packed;
    lines expected;
    const size_t longest = size_t{1} << (random() % 20);
    for (size_t i = random() % 40; i > 0; i--) {
      std::string line(random() % longest, '\0');
      for (char& c : line) c = static_cast<char>('a' + random() % 26);
      text += line + "\n";
      expected.push_back(line);
    }
    for (size_t at = 0; at < text.size();) {
      const size_t member = 1 + random() % text.size();
      packed += gzip(text.substr(at, member), round % 10);
      at += member;
    }
    EXPECT_EQ(read(text), expected);
    EXPECT_EQ(read(packed), expected);
  }
}

TEST_F(line_reader_test, a_cut_off_file_is_an_error_at_every_length) {
  std::string text;
  for (int i = 0; i < 200; i++) text += std::to_string(i * 7919) + "\n";
  const std::string packed = gzip(text);
  for (size_t length = 2; length < packed.size(); length++) {
    const error e = failure(packed.substr(0, length));
    EXPECT_EQ(e.code(), errc::corrupt_data);
    EXPECT_EQ(std::string(e.what()),
              (folder_ / "input").string() + ": the gzip data is cut off at offset " + std::to_string(length));
  }
}

TEST_F(line_reader_test, damage_is_an_error_or_changes_nothing) {
  std::string text;
  for (int i = 0; i < 200; i++) text += std::to_string(i * 7919) + "\n";
  const std::string packed = gzip(text);
  lines expected = read(packed);
  int refused = 0;
  for (size_t at = 2; at < packed.size(); at++) {
    std::string damaged = packed;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << (at % 8)));
    try {
      line_reader reader = line_reader::open(file(damaged));
      EXPECT_EQ(read_all(reader), expected) << "byte " << at;  // a time stamp, say
    } catch (const error& e) {
      refused++;
      EXPECT_EQ(e.code(), errc::corrupt_data);
      EXPECT_THAT(e.what(), testing::StartsWith((folder_ / "input").string() + ": "));
    }
  }
  EXPECT_GT(refused, static_cast<int>(packed.size()) - 10);
}

TEST_F(line_reader_test, names_the_file_in_errors) {
  const std::string name = (folder_ / "input").string();
  EXPECT_THAT(failure(gzip("a\n") + "trailing").what(),
              testing::StartsWith(name + ": what follows the gzip data is no gzip data at offset "));
  EXPECT_THAT(failure(gzip("a\n") + gzip("b\n").substr(0, 5)).what(),
              testing::StartsWith(name + ": the gzip data is"));
  const error absent = error_of([&] { line_reader::open((folder_ / "absent").string()); });
  EXPECT_EQ(absent.code(), errc::io_error);
  EXPECT_EQ(std::string(absent.what()), "open " + (folder_ / "absent").string() + ": No such file or directory");
  const error directory = error_of([&] {
    line_reader reader = line_reader::open(folder_.path().string());
    read_all(reader);
  });
  EXPECT_EQ(directory.code(), errc::io_error);
  EXPECT_EQ(std::string(directory.what()), "read " + folder_.path().string() + ": Is a directory");
}

TEST_F(line_reader_test, bounds_the_length_of_lines) {
  const auto read_bounded = [&](const std::string& contents) {
    line_reader reader = line_reader::open(file(contents), 5);
    return read_all(reader);
  };
  EXPECT_EQ(read_bounded("12345\n1234\n12345"), (lines{"12345", "1234", "12345"}));
  for (const std::string& text : lines{"1\n123456\n", "1\n123456", gzip("1\n123456\n")}) {
    const error e = error_of([&] { read_bounded(text); });
    EXPECT_EQ(e.code(), errc::payload_too_large);
    EXPECT_EQ(std::string(e.what()), (folder_ / "input").string() + ": line 2 is longer than 5 bytes");
  }
}

TEST_F(line_reader_test, a_small_file_cannot_fill_the_memory) {
  const std::string bomb = gzip(std::string(size_t{70} << 20, 'x'));
  ASSERT_LT(bomb.size(), size_t{1} << 20);
  EXPECT_EQ(failure(bomb).code(), errc::payload_too_large);
}

TEST_F(line_reader_test, reads_standard_input) {
  const std::string packed = gzip("from\na pipe\n");
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const int saved = ::dup(STDIN_FILENO);
  ASSERT_EQ(::dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
  ::close(ends[0]);
  // Byte by byte: a pipe gives what it has.
  std::thread writer([&] {
    for (const char c : packed) EXPECT_EQ(::write(ends[1], &c, 1), 1);
    ::close(ends[1]);
  });
  {
    line_reader reader = line_reader::open("-");
    EXPECT_EQ(reader.bytes_total(), std::nullopt);
    EXPECT_EQ(read_all(reader), (lines{"from", "a pipe"}));
    EXPECT_EQ(reader.bytes_read(), packed.size());
  }
  writer.join();
  if (saved >= 0) {
    ::dup2(saved, STDIN_FILENO);
    ::close(saved);
  }
}

TEST_F(line_reader_test, waits_for_a_silent_pipe_no_longer_than_its_patience) {
  const std::string pipe = (folder_ / "pipe").string();
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  const auto open_pipe = [&] {
    return line_reader::open(pipe, line_reader::default_max_line_bytes, std::chrono::milliseconds(30));
  };
  std::string_view line;
  {
    line_reader reader = open_pipe();  // that nobody writes to
    const error e = error_of([&] { reader.next(line); });
    EXPECT_EQ(e.code(), errc::request_timeout);
    EXPECT_EQ(std::string(e.what()), pipe + ": nothing came within 30 ms");
  }
  line_reader reader = open_pipe();
  const int writer = ::open(pipe.c_str(), O_WRONLY);
  ASSERT_GE(writer, 0);
  ASSERT_EQ(::write(writer, "a\nb", 3), 3);
  EXPECT_TRUE(reader.next(line));
  EXPECT_EQ(line, "a");
  EXPECT_EQ(error_of([&] { reader.next(line); }).code(), errc::request_timeout);
  ASSERT_EQ(::write(writer, "c\n", 2), 2);
  EXPECT_TRUE(reader.next(line));
  EXPECT_EQ(line, "bc");
  ::close(writer);
  EXPECT_FALSE(reader.next(line));
}

TEST_F(line_reader_test, moves) {
  line_reader first = line_reader::open(file(gzip("a\nb\n")));
  std::string_view line;
  ASSERT_TRUE(first.next(line));
  line_reader second = std::move(first);
  EXPECT_EQ(read_all(second), lines{"b"});
}

}  // namespace
}  // namespace fp
