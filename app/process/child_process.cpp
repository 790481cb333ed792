#include "app/process/child_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <utility>

#include "app/process/ending_signals.hpp"
#include "core/base/error.hpp"

extern char** environ;

namespace fp {

namespace {

[[noreturn]] void fail(const std::string& message) { throw error(errc::io_error, message); }
[[noreturn]] void fail_with_reason(const std::string& message, int reason) {
  fail(message + ": " + std::strerror(reason));
}

void close_descriptor(int& fd) noexcept {
  if (fd >= 0) ::close(std::exchange(fd, -1));
}

class file_actions {
 public:
  file_actions() { ::posix_spawn_file_actions_init(&actions_); }
  ~file_actions() { ::posix_spawn_file_actions_destroy(&actions_); }
  file_actions(const file_actions&) = delete;
  file_actions& operator=(const file_actions&) = delete;

  posix_spawn_file_actions_t* get() noexcept { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

class spawn_attributes {
 public:
  /// For a process in a group of its own, with this signal mask.
  explicit spawn_attributes(const sigset_t& mask) {
    ::posix_spawnattr_init(&attributes_);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    ::posix_spawnattr_setsigmask(&attributes_, &mask);
  }
  ~spawn_attributes() { ::posix_spawnattr_destroy(&attributes_); }
  spawn_attributes(const spawn_attributes&) = delete;
  spawn_attributes& operator=(const spawn_attributes&) = delete;

  const posix_spawnattr_t* get() const noexcept { return &attributes_; }

 private:
  posix_spawnattr_t attributes_;
};

/// The process groups that a signal ends together with this program; 0: none.
std::array<std::atomic<pid_t>, child_process::max_children> groups_to_kill;
static_assert(std::atomic<pid_t>::is_always_lock_free);

/// Only what a signal handler may do. A group of its own is not told of a Ctrl-C on the terminal, so it is told
/// from here.
void kill_groups_and_end(int number) {
  for (auto& one : groups_to_kill) {
    if (const pid_t group = one.exchange(0); group > 0) ::kill(-group, SIGKILL);
  }
  ending_signal_handlers::end_by(number);
}

/// Holds the signals' handlers while there is a group to kill.
class handlers {
 public:
  void take() {
    const std::lock_guard lock(mutex_);
    if (users_++ == 0) signals_.take(kill_groups_and_end);
  }
  void give_back() {
    const std::lock_guard lock(mutex_);
    if (--users_ == 0) signals_.give_back();
  }

 private:
  std::mutex mutex_;
  size_t users_ = 0;
  ending_signal_handlers signals_;
};

handlers signal_handlers;

/// Blocks the ending signals in this thread, so that none comes between a start and its registration.
class signals_blocked {
 public:
  signals_blocked() {
    sigset_t ending;
    ::sigemptyset(&ending);
    for (const int number : ending_signals) ::sigaddset(&ending, number);
    ::pthread_sigmask(SIG_BLOCK, &ending, &former_);
  }
  ~signals_blocked() { ::pthread_sigmask(SIG_SETMASK, &former_, nullptr); }
  signals_blocked(const signals_blocked&) = delete;
  signals_blocked& operator=(const signals_blocked&) = delete;

  const sigset_t& former() const noexcept { return former_; }

 private:
  sigset_t former_;
};

std::atomic<pid_t>* free_place() {
  for (auto& one : groups_to_kill) {
    pid_t none = 0;
    // Taken by a number that is no group's.
    if (one.compare_exchange_strong(none, -1)) return &one;
  }
  return nullptr;
}

void forget_group(pid_t group) {
  for (auto& one : groups_to_kill) {
    pid_t expected = group;
    if (one.compare_exchange_strong(expected, 0)) return;
  }
}

}  // namespace

bool has_program(std::string_view name) {
  const char* path = std::getenv("PATH");
  std::string_view left = path == nullptr ? "/usr/bin:/bin" : path;
  while (!left.empty()) {
    const auto folder = left.substr(0, left.find(':'));
    left.remove_prefix(std::min(folder.size() + 1, left.size()));
    if (::access((std::string(folder) + "/" + std::string(name)).c_str(), X_OK) == 0) return true;
  }
  return false;
}

std::string file_argument(const std::string& file) { return file.starts_with('-') ? "./" + file : file; }

child_process::child_process(const child_command& command) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) fail_with_reason("cannot make a pipe", errno);
  output_ = ends[0];
  int their_output = ends[1];
  messages_ = ::memfd_create("messages", MFD_CLOEXEC);
  auto* const place = free_place();
  int failed = messages_ < 0 ? errno : place == nullptr ? EAGAIN : 0;
  if (failed == 0) {
    file_actions actions;
    if (command.input < 0) {
      ::posix_spawn_file_actions_addopen(actions.get(), STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    } else {
      ::posix_spawn_file_actions_adddup2(actions.get(), command.input, STDIN_FILENO);
    }
    ::posix_spawn_file_actions_adddup2(actions.get(), their_output, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(actions.get(), messages_, STDERR_FILENO);
    auto words = command.arguments;
    words.insert(words.begin(), command.program);
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);

    const signals_blocked blocked;
    const spawn_attributes attributes(blocked.former());
    failed =
        ::posix_spawnp(&pid_, words.front().c_str(), actions.get(), attributes.get(), arguments.data(), environ);
    if (failed == 0) {
      place->store(pid_);
      signal_handlers.take();
      process_ = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
    }
  }
  close_descriptor(their_output);
  if (failed == 0 && process_ >= 0) return;
  if (failed == 0) {
    failed = errno;
    end_all();
  } else {
    if (place != nullptr) place->store(0);
    close_descriptor(output_);
    close_descriptor(messages_);
  }
  if (failed == ENOENT) {
    fail(command.program + " is not installed" +
         (command.package.empty() ? "" : " (Debian: apt-get install " + command.package + ")"));
  }
  fail_with_reason("cannot start " + command.program, failed);
}

child_process::~child_process() { end_all(); }

void child_process::end_all() noexcept {
  // The process is not reaped before its group is killed, so that nobody else can have its number.
  ::kill(-pid_, SIGKILL);
  forget_group(pid_);
  signal_handlers.give_back();
  siginfo_t ignored;
  while (::waitid(P_PID, static_cast<id_t>(pid_), &ignored, WEXITED) < 0 && errno == EINTR) {
  }
  close_descriptor(output_);
  close_descriptor(messages_);
  close_descriptor(process_);
}

void child_process::close_output() noexcept { close_descriptor(output_); }

child_process::end child_process::wait_for_end() const {
  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT) < 0 && errno == EINTR) {
  }
  return {info.si_code == CLD_EXITED, info.si_status};
}

std::string child_process::messages(size_t max_bytes) const {
  std::string text(max_bytes, '\0');
  ssize_t n;
  while ((n = ::pread(messages_, text.data(), text.size(), 0)) < 0 && errno == EINTR) {
  }
  text.resize(n > 0 ? static_cast<size_t>(n) : 0);
  return text;
}

}  // namespace fp
