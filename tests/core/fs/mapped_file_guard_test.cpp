#include "core/fs/mapped_file_guard.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "core/fs/file_system.hpp"
#include "tests/core/support/temporary_folder.hpp"

namespace fp {
namespace {

class mapped_file_guard_test : public testing::Test {
 protected:
  static constexpr size_t page = 4096;  ///< of a file; that of the machine may be a multiple

  path make_file(const std::string& name, size_t pages) {
    const path file = folder_ / name;
    posix_file_system().create(file)->write_at(0, std::vector<std::byte>(pages * page, std::byte{'x'}));
    return file;
  }
  static std::unique_ptr<mapped_file> map(const path& file) { return posix_file_system().open(file)->map(); }
  static void cut(const path& file, uint64_t size) { std::filesystem::resize_file(file, size); }
  static std::byte read(const mapped_file& file, uint64_t at) {
    return *static_cast<const volatile std::byte*>(file.bytes().data() + at);
  }
  static uint64_t whole_pages(uint64_t bytes) {
    const auto size = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
    return (bytes + size - 1) / size * size;
  }

  test::temporary_folder folder_;
};

using mapped_file_guard_DeathTest = mapped_file_guard_test;

TEST_F(mapped_file_guard_test, a_file_that_is_cut_short_reads_as_zeros_and_tells) {
  const mapped_file_guard guard;
  for (const uint64_t left : {uint64_t{0}, uint64_t{1}, 3 * page, 3 * page + 100, 63 * page}) {
    const path file = make_file("cut", 64);
    const auto cut_one = map(file), other = map(make_file("other", 64));
    EXPECT_EQ(cut_one->unreadable_from(), std::nullopt);
    cut(file, left);
    EXPECT_EQ(cut_one->unreadable_from(), std::nullopt) << "nobody has read it";
    for (uint64_t at = 0; at < left; at += 50) EXPECT_EQ(read(*cut_one, at), std::byte{'x'});
    EXPECT_EQ(read(*cut_one, 64 * page - 1), std::byte{0});
    EXPECT_EQ(cut_one->unreadable_from(), whole_pages(63 * page + 1) - whole_pages(1));
    for (uint64_t at = whole_pages(left); at < 64 * page; at += 99) EXPECT_EQ(read(*cut_one, at), std::byte{0});
    EXPECT_EQ(cut_one->unreadable_from(), whole_pages(left));
    for (uint64_t at = 0; at < 64 * page; at += 99) EXPECT_EQ(read(*other, at), std::byte{'x'});
    EXPECT_EQ(other->unreadable_from(), std::nullopt);
  }
}

TEST_F(mapped_file_guard_test, what_could_not_be_read_stays_so) {
  const mapped_file_guard guard;
  const path file = make_file("file", 16);
  const auto mapped = map(file);
  cut(file, 0);
  EXPECT_EQ(read(*mapped, 0), std::byte{0});
  make_file("file", 16);
  EXPECT_EQ(read(*mapped, 0), std::byte{0});
  EXPECT_EQ(mapped->unreadable_from(), 0u);
  EXPECT_EQ(read(*map(file), 0), std::byte{'x'});
}

TEST_F(mapped_file_guard_test, one_of_a_thousand_that_come_and_go) {
  const mapped_file_guard guard;
  const path whole = make_file("whole", 2);
  std::vector<std::unique_ptr<mapped_file>> files;
  for (int i = 0; i < 1000; i++) files.push_back(map(whole));
  for (size_t i = 0; i < files.size(); i += 3) files[i].reset();
  const path file = make_file("cut", 2);
  for (size_t i = 0; i < files.size(); i += 3) files[i] = map(file);
  cut(file, 0);
  EXPECT_EQ(read(*files[999], 0), std::byte{0});
  for (size_t i = 0; i < files.size(); i++) {
    EXPECT_EQ(files[i]->unreadable_from(), i == 999 ? std::optional<uint64_t>(0) : std::nullopt);
  }
  for (size_t i = 0; i < files.size(); i++)
    EXPECT_EQ(read(*files[i], 0), i % 3 == 0 ? std::byte{0} : std::byte{'x'});
}

TEST_F(mapped_file_guard_test, threads_that_read_it_meanwhile_go_on) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "pages are exchanged beneath their readers on purpose";
#endif
  const mapped_file_guard guard;
  for (int round = 0; round < 20; round++) {
    const path file = make_file("file", 64);
    const auto mapped = map(file);
    std::atomic<bool> stop = false;
    std::vector<std::jthread> readers;
    for (uint64_t r = 0; r < 4; r++) {
      readers.emplace_back([&, r] {
        while (!stop) {
          // A zero is never seen before it is told.
          for (uint64_t at = r; at < 64 * page; at += page / 2) {
            if (read(*mapped, at) != std::byte{'x'}) {
              EXPECT_TRUE(mapped->unreadable_from());
            }
          }
          // Others come and go.
          EXPECT_EQ(map(file)->unreadable_from(), std::nullopt);
        }
      });
    }
    cut(file, 20 * page);
    while (!mapped->unreadable_from()) std::this_thread::yield();
    stop = true;
  }
}

TEST_F(mapped_file_guard_DeathTest, other_bus_errors_go_where_they_went) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const path file = make_file("file", 2);
  const auto fault = [&] {
    const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    auto* unknown = static_cast<volatile char*>(::mmap(nullptr, 2 * page, PROT_READ, MAP_SHARED, fd, 0));
    cut(file, 0);
    return *unknown;
  };
  EXPECT_DEATH(
      {
        const mapped_file_guard guard;
        fault();
      },
      "");
  EXPECT_DEATH(
      {
        const mapped_file_guard guard;
        ::raise(SIGBUS);
      },
      "");
  EXPECT_EXIT(
      {
        ::signal(SIGBUS, [](int) { ::_exit(7); });
        const mapped_file_guard guard;
        fault();
      },
      testing::ExitedWithCode(7), "");
  EXPECT_EXIT(
      {
        struct sigaction before = {};
        before.sa_flags = SA_SIGINFO;
        before.sa_sigaction = [](int, siginfo_t* info, void*) { ::_exit(info->si_code == BUS_ADRERR ? 8 : 9); };
        ::sigaction(SIGBUS, &before, nullptr);
        const mapped_file_guard guard;
        fault();
      },
      testing::ExitedWithCode(8), "");
}

TEST_F(mapped_file_guard_DeathTest, without_one_a_lost_page_ends_the_process) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const path file = make_file("file", 2);
  const auto mapped = map(file);
  cut(file, 0);
  EXPECT_DEATH(read(*mapped, 0), "");
  {
    const mapped_file_guard guard;
    const mapped_file_guard second;
  }
  EXPECT_DEATH(read(*mapped, 0), "");
}

}  // namespace
}  // namespace fp
