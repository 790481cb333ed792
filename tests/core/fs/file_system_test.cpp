#include "core/fs/file_system.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>

#include <csignal>
#include <cstring>
#include <deque>
#include <fstream>
#include <functional>

#include "core/base/in_doubt_error.hpp"
#include "tests/core/support/error_of.hpp"
#include "tests/core/support/faulty_file_system.hpp"
#include "tests/core/support/temporary_folder.hpp"

namespace fp {
namespace {

using test::error_of;
using test::temporary_folder;

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

TEST(posix_file_system, writes_and_reads_at_offsets) {
  temporary_folder folder;
  file_system& fs = posix_file_system();
  {
    auto out = fs.create(folder / "a");
    out->write_at(0, bytes_of("hello"));
    out->write_at(10, bytes_of("world"));
    EXPECT_EQ(out->size(), 15u);
    out->truncate(13);
    out->sync();
    EXPECT_EQ(out->size(), 13u);
  }
  {
    auto out = fs.open_for_writing(folder / "a");
    EXPECT_EQ(out->size(), 13u);
    out->write_at(5, bytes_of("-----"));
  }
  const auto in = fs.open(folder / "a");
  EXPECT_EQ(in->size(), 13u);
  std::string text(100, '?');
  const auto room = std::as_writable_bytes(std::span(text));
  EXPECT_EQ(in->read_at(3, room), 10u);
  EXPECT_EQ(text.substr(0, 11), "lo-----wor?");
  EXPECT_EQ(in->read_at(13, room), 0u);
  EXPECT_EQ(in->read_at(1000, room), 0u);
  EXPECT_EQ(fs.file_size(folder / "a"), 13u);

  fs.create(folder / "a");
  EXPECT_EQ(fs.file_size(folder / "a"), 0u);
}

// Who opens it waits for its other end, for ever perhaps.
TEST(posix_file_system, opens_no_pipe) {
  temporary_folder folder;
  file_system& fs = posix_file_system();
  const path pipe = folder / "pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  // The test ends if it is opened after all.
  const int other_end = ::open(pipe.c_str(), O_RDWR | O_CLOEXEC);
  ASSERT_GE(other_end, 0);
  for (const std::function<void()>& open :
       std::initializer_list<std::function<void()>>{[&] { fs.open(pipe); }, [&] { fs.open_uncached(pipe); },
                                                    [&] { fs.create(pipe); }, [&] { fs.open_for_writing(pipe); }}) {
    const error e = error_of(open);
    EXPECT_EQ(e.code(), errc::io_error);
    EXPECT_THAT(e.what(), testing::EndsWith(pipe.string() + ": a pipe, and no file"));
  }
  ::close(other_end);
}

TEST(posix_file_system, reads_past_the_cache_wherever_and_however_much) {
  temporary_folder folder;
  file_system& fs = posix_file_system();
  std::string text;
  for (size_t i = 0; i < 3 * uncached_alignment + 100; i++) text.push_back(static_cast<char>(i * 7 + i / 251));
  // Not synced: what is only remembered yet counts, too.
  fs.create(folder / "a")->write_at(0, bytes_of(text));
  std::vector<std::byte> memory(6 * uncached_alignment);
  const auto misplaced = reinterpret_cast<uintptr_t>(memory.data()) % uncached_alignment;
  std::byte* const aligned = memory.data() + uncached_alignment - misplaced;
  for (const size_t skew : {0, 1}) {
    for (const size_t offset : {0, 1, 4096, 8192, 12'288, 12'388, 12'389, 16'384}) {
      for (const size_t length : {1, 100, 4096, 8192, 16'384}) {
        const auto in = fs.open_uncached(folder / "a");
        const std::span<std::byte> out(aligned + skew, length);
        const size_t count = in->read_at(offset, out);
        const auto wanted = text.substr(std::min(offset, text.size()), length);
        EXPECT_EQ(std::string(reinterpret_cast<const char*>(out.data()), count), wanted) << offset << " " << length;
      }
    }
  }
  EXPECT_EQ(fs.open_uncached(folder / "a")->size(), text.size());
  EXPECT_EQ(error_of([&] { fs.open_uncached(folder / "absent"); }).code(), errc::io_error);
}

TEST(posix_file_system, mapping_outlives_file_object_and_name) {
  temporary_folder folder;
  file_system& fs = posix_file_system();
  std::string contents(300'000, 'x');
  contents[123'456] = 'y';
  replace_file(fs, folder / "a", contents);
  const auto mapped = fs.open(folder / "a")->map();
  fs.remove(folder / "a");
  EXPECT_FALSE(fs.exists(folder / "a"));
  ASSERT_EQ(mapped->bytes().size(), contents.size());
  EXPECT_EQ(std::memcmp(mapped->bytes().data(), contents.data(), contents.size()), 0);

  fs.create(folder / "empty");
  EXPECT_TRUE(fs.open(folder / "empty")->map()->bytes().empty());
}

TEST(posix_file_system, lists_and_looks_up) {
  temporary_folder folder;
  file_system& fs = posix_file_system();
  fs.create_directories(folder / "x" / "y" / "z");
  fs.create_directories(folder / "x" / "y" / "z");
  fs.create_directories(folder / "trailing" / "");
  fs.create(folder / "b");
  fs.create(folder / "a");
  EXPECT_EQ(fs.list(folder.path()), (std::vector<std::string>{"a", "b", "trailing", "x"}));
  EXPECT_TRUE(fs.is_directory(folder / "x" / "y" / "z"));
  EXPECT_TRUE(fs.exists(folder / "x"));
  EXPECT_TRUE(fs.exists(folder / "a"));
  EXPECT_FALSE(fs.is_directory(folder / "a"));
  EXPECT_FALSE(fs.is_directory(folder / "none"));
  EXPECT_FALSE(fs.exists(folder / "none" / "below"));
  EXPECT_FALSE(fs.exists(folder / "a" / "below_a_file"));
  fs.sync_directory(folder.path());

  fs.remove(folder / "a");
  fs.remove(folder / "a");
  fs.remove_all(folder / "x");
  fs.remove_all(folder / "x");
  fs.rename(folder / "b", folder / "c");
  EXPECT_EQ(fs.list(folder.path()), (std::vector<std::string>{"c", "trailing"}));
}

TEST(posix_file_system, creates_with_restricted_modes) {
  temporary_folder folder;
  const mode_t before = ::umask(0);
  posix_file_system().create(folder / "a");
  posix_file_system().create_directories(folder / "d");
  ::umask(before);
  struct stat status;
  ASSERT_EQ(::stat((folder / "a").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0640u);
  ASSERT_EQ(::stat((folder / "d").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0750u);
}

TEST(posix_file_system, errors_name_path_and_reason) {
  temporary_folder folder;
  file_system& fs = posix_file_system();
  fs.create(folder / "file");
  const path none = folder / "none" / "a";
  const auto expect_io_error = [&](const path& named, const char* reason, auto&& operation) {
    const error e = error_of(operation);
    EXPECT_EQ(e.code(), errc::io_error) << e.what();
    EXPECT_NE(std::string(e.what()).find(named.string()), std::string::npos) << e.what();
    EXPECT_NE(std::string(e.what()).find(reason), std::string::npos) << e.what();
  };
  const char* missing = "No such file";
  expect_io_error(none, missing, [&] { fs.open(none); });
  expect_io_error(none, missing, [&] { fs.create(none); });
  expect_io_error(none, missing, [&] { fs.open_for_writing(none); });
  expect_io_error(none, missing, [&] { fs.file_size(none); });
  expect_io_error(none, missing, [&] { fs.list(none); });
  expect_io_error(none, missing, [&] { fs.rename(none, folder / "x"); });
  expect_io_error(none, missing, [&] { fs.sync_directory(none); });
  expect_io_error(none, missing, [&] { fs.lock(none); });
  expect_io_error(folder / "file", "File exists", [&] { fs.create_directories(folder / "file"); });
  expect_io_error(folder / "file", "File exists", [&] { fs.create_directories(folder / "file" / "x"); });
  expect_io_error(folder.path(), "s a directory", [&] { fs.remove(folder.path()); });
  expect_io_error(folder.path(), "s a directory", [&] {
    std::byte b;
    fs.open(folder.path())->read_at(0, {&b, 1});
  });
}

TEST(posix_file_system, reports_a_full_disk_as_no_space) {
  if (::access("/dev/full", W_OK) != 0) GTEST_SKIP() << "no /dev/full";
  const error e = error_of([] { posix_file_system().open_for_writing("/dev/full")->write_at(0, bytes_of("x")); });
  EXPECT_EQ(e.code(), errc::no_space) << e.what();
}

TEST(posix_file_system, a_write_that_stops_half_way_is_an_error) {
  temporary_folder folder;
  auto out = posix_file_system().create(folder / "a");
  rlimit before;
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small = before;
  small.rlim_cur = 100;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string contents(150, 'x');
  EXPECT_THROW(out->write_at(0, bytes_of(contents)), error);
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_EQ(out->size(), 100u);
}

TEST(posix_file_system, lock_keeps_out_holders_in_the_same_process) {
  temporary_folder folder;
  file_system& fs = posix_file_system();
  auto lock = fs.lock(folder / "lock");
  const error e = error_of([&] { fs.lock(folder / "lock"); });
  EXPECT_EQ(e.code(), errc::data_folder_locked);
  EXPECT_NE(std::string(e.what()).find((folder / "lock").string()), std::string::npos) << e.what();
  EXPECT_NE(std::string(e.what()).find(std::to_string(::getpid())), std::string::npos) << e.what();
  EXPECT_EQ(read_file(fs, folder / "lock"), std::to_string(::getpid()) + "\n");
  lock.reset();
  EXPECT_NO_THROW(fs.lock(folder / "lock"));
}

TEST(posix_file_system, lock_keeps_out_other_processes) {
  temporary_folder folder;
  auto lock = posix_file_system().lock(folder / "lock");
  const auto locked_in_child = [&] {
    const pid_t child = ::fork();
    if (child == 0) {
      int status = 2;
      try {
        posix_file_system().lock(folder / "lock");
        status = 0;
      } catch (const error& e) {
        if (e.code() == errc::data_folder_locked) status = 1;
      } catch (...) {
      }
      ::_exit(status);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  };
  EXPECT_EQ(locked_in_child(), 1);
  lock.reset();
  EXPECT_EQ(locked_in_child(), 0);
}

TEST(file_util, replace_and_read) {
  temporary_folder folder;
  file_system& fs = posix_file_system();
  for (const std::string& contents : {std::string("one"), std::string(), std::string(100'000, 'z')}) {
    replace_file(fs, folder / "a", contents);
    EXPECT_EQ(read_file(fs, folder / "a"), contents);
    EXPECT_EQ(fs.list(folder.path()), std::vector<std::string>{"a"});
  }
  EXPECT_EQ(read_file(fs, folder / "a", 100'000).size(), 100'000u);
  const error e = error_of([&] { read_file(fs, folder / "a", 99'999); });
  EXPECT_EQ(e.code(), errc::corrupt_data);
}

TEST(file_util, failed_replace_leaves_the_old_state) {
  temporary_folder folder;
  file_system& fs = posix_file_system();
  fs.create_directories(folder / "target" / "occupied");
  EXPECT_THROW(replace_file(fs, folder / "target", "x"), error);
  EXPECT_EQ(fs.list(folder.path()), std::vector<std::string>{"target"});
}

TEST(file_util, a_failed_replace_is_undone) {
  temporary_folder folder;
  const path file = folder / "a", fresh = folder / "b";
  replace_file(posix_file_system(), file, "old");
  for (const bool after_effect : {false, true}) {
    for (const path& target : {file, fresh}) {
      for (uint64_t nth = 1;; nth++) {
        test::faulty_file_system faulty(posix_file_system());
        faulty.fail(nth, {.short_write = 1, .after_effect = after_effect});
        try {
          replace_file(faulty, target, "new");
        } catch (const error&) {
          ASSERT_EQ(read_file(posix_file_system(), file), "old") << nth;
          ASSERT_EQ(posix_file_system().list(folder.path()), std::vector<std::string>{"a"}) << nth;
          continue;
        }
        ASSERT_GT(nth, 6u);
        EXPECT_EQ(read_file(posix_file_system(), target), "new");
        break;
      }
      posix_file_system().remove(fresh);
      replace_file(posix_file_system(), file, "old");
    }
  }
}

TEST(file_util, tells_when_a_failed_replace_could_not_be_undone) {
  temporary_folder folder;
  const path file = folder / "a";
  size_t in_doubt = 0, as_before = 0, as_wanted = 0;
  for (const bool after_effect : {false, true}) {
    for (uint64_t nth = 1;; nth++) {
      replace_file(posix_file_system(), file, "old");
      test::faulty_file_system faulty(posix_file_system());
      faulty.fail(nth, {.after_effect = after_effect, .permanent = true});
      try {
        replace_file(faulty, file, "new");
        break;
      } catch (const in_doubt_error& e) {
        in_doubt++;
        EXPECT_EQ(e.code(), errc::io_error);
        EXPECT_THAT(e.what(), testing::HasSubstr(file.string() + " may be as it was"));
        if (read_file(posix_file_system(), file) == "new") as_wanted++;
      } catch (const error&) {
        as_before++;
        ASSERT_EQ(read_file(posix_file_system(), file), "old") << nth;
      }
    }
  }
  EXPECT_GT(in_doubt, 2u);
  EXPECT_GT(as_wanted, 0u);
  EXPECT_GT(as_before, 6u);
}

/// One file descriptor, if there is one left.
class descriptor {
 public:
  descriptor() : number_(::open("/dev/null", O_RDONLY)) {}
  ~descriptor() {
    if (is_open()) ::close(number_);
  }
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  bool is_open() const { return number_ >= 0; }

 private:
  int number_;
};

TEST(posix_file_system, too_many_open_files_are_an_io_error) {
  temporary_folder folder;
  file_system& fs = posix_file_system();
  replace_file(fs, folder / "a", "text");
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit small = before;
  small.rlim_cur = 40;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &small), 0);
  // UBSan needs descriptors of its own to look at the first object of a class: let it see an error, and look at the
  // later ones when descriptors are free again.
  EXPECT_EQ(error_of([&] { fs.open(folder / "missing"); }).code(), errc::io_error);
  const auto error_without_descriptors = [](const auto& operation) {
    return error_of([&] {
      std::deque<descriptor> all;
      do {
        all.emplace_back();
      } while (all.back().is_open());
      operation();
    });
  };
  const error open_error = error_without_descriptors([&] { fs.open(folder / "a"); });
  const error replace_error = error_without_descriptors([&] { replace_file(fs, folder / "a", "other"); });
  const error sync_error = error_without_descriptors([&] { fs.sync_directory(folder.path()); });
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(open_error.code(), errc::io_error);
  EXPECT_EQ(std::string(open_error.what()), "cannot open " + (folder / "a").string() + ": Too many open files");
  EXPECT_EQ(replace_error.code(), errc::io_error);
  EXPECT_EQ(sync_error.code(), errc::io_error);
  EXPECT_EQ(read_file(fs, folder / "a"), "text");
  replace_file(fs, folder / "a", "other");
  EXPECT_EQ(read_file(fs, folder / "a"), "other");
}

TEST(file_util, knows_temporary_names) {
  EXPECT_TRUE(is_temporary_name("manifest.json.tmp"));
  EXPECT_FALSE(is_temporary_name("manifest.json"));
  EXPECT_FALSE(is_temporary_name("tmp"));
  EXPECT_FALSE(is_temporary_name(""));
}

}  // namespace
}  // namespace fp
