#pragma once

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>

namespace fp::test {

/// Waits for the end of the process whose number a file holds; false when it goes on for a minute.
inline bool process_ends(const std::filesystem::path& file) {
  int pid = 0;
  std::ifstream(file) >> pid;
  EXPECT_GT(pid, 0);
  const int process = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (process < 0) return errno == ESRCH;
  pollfd wanted{process, POLLIN, 0};
  const bool ended = ::poll(&wanted, 1, 60'000) == 1;
  ::close(process);
  return ended;
}

}  // namespace fp::test
