#include "app/fpctl/fpcalc.hpp"

#include <fcntl.h>
#include <poll.h>
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
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/error.hpp"
#include "core/base/printable.hpp"
#include "core/fs/poll_until.hpp"

extern char** environ;

namespace fp::ctl {

namespace {

// More than the fingerprint of ten days of music.
constexpr size_t max_output_bytes = size_t{64} << 20;

[[noreturn]] void fail(const std::string& message) { throw error(errc::io_error, message); }

class descriptor {
 public:
  explicit descriptor(int fd) : fd_(fd) {}
  ~descriptor() { close(); }
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;

  int get() const noexcept { return fd_; }
  void close() noexcept {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

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

constexpr std::array ending_signals{SIGINT, SIGTERM, SIGHUP};

/// The process group that a signal ends together with this program; 0: none.
std::atomic<pid_t> group_to_kill{0};
static_assert(std::atomic<pid_t>::is_always_lock_free);

/// Only what a signal handler may do.
void kill_group_and_end(int number) {
  if (const pid_t group = group_to_kill.exchange(0); group > 0) ::kill(-group, SIGKILL);
  ::signal(number, SIG_DFL);
  ::raise(number);
}

/// A process and all that it starts, its process group, which ends with the object at the latest. A group of its
/// own is not told of a Ctrl-C on the terminal, so it is told from here. One object at a time.
class child_group {
 public:
  child_group(const char* program, char* const* arguments, file_actions& actions) {
    sigset_t ending, former;
    ::sigemptyset(&ending);
    for (const int number : ending_signals) ::sigaddset(&ending, number);
    ::pthread_sigmask(SIG_BLOCK, &ending, &former);
    const spawn_attributes attributes(former);
    const int failed = ::posix_spawnp(&pid_, program, actions.get(), attributes.get(), arguments, environ);
    if (failed == 0) {
      group_to_kill = pid_;
      struct sigaction action {};
      action.sa_handler = kill_group_and_end;
      for (size_t i = 0; i < ending_signals.size(); i++) {
        ::sigaction(ending_signals[i], nullptr, &former_actions_[i]);
        // Who ignores a signal, as nohup does, goes on ignoring it.
        if (former_actions_[i].sa_handler != SIG_IGN) ::sigaction(ending_signals[i], &action, nullptr);
      }
    }
    ::pthread_sigmask(SIG_SETMASK, &former, nullptr);
    if (failed == ENOENT) fail("fpcalc is not installed (Debian: apt-get install libchromaprint-tools)");
    if (failed != 0) fail(std::string("cannot start fpcalc: ") + std::strerror(failed));
  }
  ~child_group() {
    // The process is not reaped before its group is killed, so that nobody else can have its number.
    ::kill(-pid_, SIGKILL);
    group_to_kill = 0;
    for (size_t i = 0; i < ending_signals.size(); i++) {
      ::sigaction(ending_signals[i], &former_actions_[i], nullptr);
    }
    siginfo_t ignored;
    while (::waitid(P_PID, static_cast<id_t>(pid_), &ignored, WEXITED) < 0 && errno == EINTR) {
    }
  }
  child_group(const child_group&) = delete;
  child_group& operator=(const child_group&) = delete;

  pid_t pid() const noexcept { return pid_; }

 private:
  pid_t pid_ = 0;
  std::array<struct sigaction, ending_signals.size()> former_actions_{};
};

class deadline {
 public:
  explicit deadline(std::chrono::milliseconds patience)
      : patience_(patience), ends_at_(std::chrono::steady_clock::now() + patience) {}

  /// Waits until a descriptor can be read. Throws at the deadline.
  void await(int fd, const std::string& shown) const {
    switch (poll_until(fd, POLLIN, ends_at_)) {
      case poll_outcome::ready:
        return;
      case poll_outcome::failed:
        fail(std::string("cannot wait for fpcalc: ") + std::strerror(errno));
      case poll_outcome::late:
        throw error(errc::request_timeout, "fpcalc took longer than " + std::to_string(patience_.count()) +
                                               " ms over " + shown + " and was ended");
    }
  }

 private:
  std::chrono::milliseconds patience_;
  std::chrono::steady_clock::time_point ends_at_;
};

/// `await` is called before each read.
template <class Await>
std::string read_all(int fd, Await&& await) {
  std::string text;
  char buffer[65'536];
  for (;;) {
    await();
    const auto n = ::read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return text;
    // What is beyond is read, so that the program ends, and then refused.
    if (text.size() <= max_output_bytes) text.append(buffer, static_cast<size_t>(n));
  }
}

/// Waits until the process has ended, without reaping it.
siginfo_t wait_for_end(pid_t pid, const deadline& until, const std::string& shown) {
  descriptor process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (process.get() < 0) fail(std::string("cannot wait for fpcalc: ") + std::strerror(errno));
  until.await(process.get(), shown);
  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT) < 0 && errno == EINTR) {
  }
  return info;
}

std::optional<text_fingerprint> first_fingerprint(std::string_view output) {
  fingerprint_reader reader;
  while (!output.empty()) {
    const auto line = output.substr(0, output.find('\n'));
    output.remove_prefix(std::min(line.size() + 1, output.size()));
    if (auto found = reader.feed(line)) return found;
  }
  return std::nullopt;
}

}  // namespace

text_fingerprint run_fpcalc(const std::string& audio_file, uint32_t length_s, std::chrono::milliseconds patience) {
  const deadline until(patience);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) fail(std::string("cannot make a pipe: ") + std::strerror(errno));
  descriptor from(ends[0]), to(ends[1]);
  descriptor messages(::memfd_create("fpcalc", MFD_CLOEXEC));
  if (messages.get() < 0) fail(std::string("cannot make a memory file: ") + std::strerror(errno));
  file_actions actions;
  ::posix_spawn_file_actions_addopen(actions.get(), STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(actions.get(), to.get(), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(actions.get(), messages.get(), STDERR_FILENO);

  // A name that starts with a dash is not an option, and "-" is not standard input.
  const std::string file = audio_file.starts_with('-') ? "./" + audio_file : audio_file;
  std::vector<std::string> words{"fpcalc", "-raw", "-length", std::to_string(length_s), file};
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);

  const auto shown = quoted(audio_file, 200);
  const child_group child("fpcalc", arguments.data(), actions);
  to.close();
  const auto output = read_all(from.get(), [&] { until.await(from.get(), shown); });
  const auto end = wait_for_end(child.pid(), until, shown);
  if (end.si_code != CLD_EXITED) fail("fpcalc was killed over " + shown);
  if (output.size() > max_output_bytes) fail("fpcalc wrote too much over " + shown);

  // fpcalc 1.5 ends with 3 after a decoding error, and takes the end of a file for one; what it decoded until then
  // is fingerprinted.
  constexpr int decoding_ended = 3;
  if (end.si_status == 0 || end.si_status == decoding_ended) {
    if (auto found = first_fingerprint(output)) {
      found->label = audio_file;
      return std::move(*found);
    }
  }
  ::lseek(messages.get(), 0, SEEK_SET);
  auto said = read_all(messages.get(), [] {});
  while (said.ends_with('\n')) said.pop_back();
  fail("fpcalc made no fingerprint of " + shown + " (exit status " + std::to_string(end.si_status) + ")" +
       (said.empty() ? "" : ": " + printable(said, 300)));
}

}  // namespace fp::ctl
