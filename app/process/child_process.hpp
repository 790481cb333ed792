#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fp {

/// What to run.
struct child_command {
  std::string program;                 ///< looked for in PATH
  std::vector<std::string> arguments;  ///< behind the program's name
  std::string package;                 ///< of Debian, that has the program: named when it is missing
  int input = -1;                      ///< what becomes its standard input; -1: nothing to be read
};

/// Whether PATH has a program of this name.
bool has_program(std::string_view name);

/// A word that a program takes for the name of a file, whatever the file's name looks like: one that begins with a
/// dash is no option, and "-" is not standard input.
std::string file_argument(const std::string& file);

/// A process and all that it starts, its process group, which ends with the object at the latest, and also when a
/// signal (SIGINT, SIGTERM, SIGHUP) ends this program. Several may live at a time, `max_children` at most.
class child_process {
 public:
  static constexpr size_t max_children = 256;

  /// Starts it. Throws `io_error` when that fails, with the package when the program is missing.
  explicit child_process(const child_command& command);
  ~child_process();
  child_process(const child_process&) = delete;
  child_process& operator=(const child_process&) = delete;

  /// Where what it prints can be read, until its end.
  int output() const noexcept { return output_; }
  void close_output() noexcept;
  /// A descriptor that can be read once the process has ended.
  int process() const noexcept { return process_; }

  struct end {
    bool exited = false;  ///< false: killed by a signal
    int status = 0;       ///< exit status, or the signal
  };
  /// Once `process` can be read; waits else.
  end wait_for_end() const;
  /// The first `max_bytes` of what it has written to standard error.
  std::string messages(size_t max_bytes = 4096) const;

 private:
  void end_all() noexcept;

  pid_t pid_ = 0;
  int output_ = -1, messages_ = -1, process_ = -1;
};

}  // namespace fp
