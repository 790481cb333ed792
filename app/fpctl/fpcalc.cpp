#include "app/fpctl/fpcalc.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/error.hpp"
#include "core/base/printable.hpp"

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

std::string read_all(int fd) {
  std::string text;
  char buffer[65'536];
  for (;;) {
    const auto n = ::read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return text;
    // What is beyond is read, so that the program ends, and then refused.
    if (text.size() <= max_output_bytes) text.append(buffer, static_cast<size_t>(n));
  }
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

text_fingerprint run_fpcalc(const std::string& audio_file, uint32_t length_s) {
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

  pid_t child = 0;
  const int failed = ::posix_spawnp(&child, "fpcalc", actions.get(), nullptr, arguments.data(), environ);
  if (failed == ENOENT) fail("fpcalc is not installed (Debian: apt-get install libchromaprint-tools)");
  if (failed != 0) fail(std::string("cannot start fpcalc: ") + std::strerror(failed));
  to.close();
  const auto output = read_all(from.get());
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  const auto shown = quoted(audio_file, 200);
  if (!WIFEXITED(status)) fail("fpcalc was killed over " + shown);
  if (output.size() > max_output_bytes) fail("fpcalc wrote too much over " + shown);

  // fpcalc 1.5 ends with 3 after a decoding error, and takes the end of a file for one; what it decoded until then
  // is fingerprinted.
  constexpr int decoding_ended = 3;
  if (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == decoding_ended) {
    if (auto found = first_fingerprint(output)) {
      found->label = audio_file;
      return std::move(*found);
    }
  }
  ::lseek(messages.get(), 0, SEEK_SET);
  auto said = read_all(messages.get());
  while (said.ends_with('\n')) said.pop_back();
  fail("fpcalc made no fingerprint of " + shown + " (exit status " + std::to_string(WEXITSTATUS(status)) + ")" +
       (said.empty() ? "" : ": " + printable(said, 300)));
}

}  // namespace fp::ctl
