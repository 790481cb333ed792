#include "tests/bench/node/node_process.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <regex>
#include <stdexcept>
#include <system_error>

namespace fp::bench {

node_process::node_process(const std::vector<std::string>& command, unsigned max_descriptors) {
  start(command, max_descriptors);
  try {
    read_ports();
  } catch (...) {
    kill();
    throw;
  }
  drain_ = std::jthread([log = log_.get()] {
    char piece[4096];
    while (fread(piece, 1, sizeof piece, log) > 0) {
    }
  });
}

node_process::~node_process() { kill(); }

void node_process::start(const std::vector<std::string>& command, unsigned max_descriptors) {
  std::vector<char*> arguments;
  for (const auto& a : command) arguments.push_back(const_cast<char*>(a.c_str()));
  arguments.push_back(nullptr);
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe2");
  pid_ = vfork();
  if (pid_ == 0) {
    dup2(ends[1], STDERR_FILENO);
    if (max_descriptors > 0) {
      const rlimit bound{max_descriptors, max_descriptors};
      setrlimit(RLIMIT_NOFILE, &bound);
    }
    execv(arguments[0], arguments.data());
    _exit(127);
  }
  close(ends[1]);
  log_.reset(fdopen(ends[0], "r"));
  if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "vfork");
}

void node_process::read_ports() {
  static const std::regex http("listening for HTTP on \\S+:(\\d+)"),
      actors("listening for remote actors on \\S+:(\\d+)");
  std::string log;
  char line[4096];
  while (fgets(line, sizeof line, log_.get()) != nullptr) {
    log += line;
    std::cmatch found;
    if (std::regex_search(line, found, http)) http_port_ = static_cast<uint16_t>(std::stoi(found[1]));
    if (std::regex_search(line, found, actors)) {
      port_ = static_cast<uint16_t>(std::stoi(found[1]));
      return;
    }
  }
  throw std::runtime_error("a process ended before it listened:\n" + log);
}

void node_process::stop() { end(SIGTERM); }
void node_process::kill() { end(SIGKILL); }

void node_process::end(int signal) {
  if (pid_ <= 0) return;
  ::kill(pid_, signal);
  waitpid(pid_, nullptr, 0);
  pid_ = 0;
  if (drain_.joinable()) drain_.join();
}

std::vector<std::string> node_command(const std::filesystem::path& program, const std::filesystem::path& data,
                                      const std::vector<std::string>& flags) {
  std::vector<std::string> command{program.string(), "--dir", data.string(), "--port", "0", "--caf-port", "0"};
  command.insert(command.end(), flags.begin(), flags.end());
  return command;
}

}  // namespace fp::bench
