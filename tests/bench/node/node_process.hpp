#pragma once

#include <sys/types.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace fp::bench {

/// A program of ours that runs as a process of its own and logs the ports that it listens on. Killed on
/// destruction.
class node_process {
 public:
  /// Runs a command and waits until it listens for remote actors; throws with its log when it ends before that.
  /// `max_descriptors`: the process may have so many open at one time; 0: as many as this one.
  explicit node_process(const std::vector<std::string>& command, unsigned max_descriptors = 0);
  ~node_process();
  node_process(const node_process&) = delete;
  node_process& operator=(const node_process&) = delete;

  pid_t pid() const { return pid_; }
  uint16_t port() const { return port_; }
  /// 0 when it does not listen for HTTP.
  uint16_t http_port() const { return http_port_; }

  /// Asks it to end, and waits.
  void stop();
  void kill();

 private:
  void start(const std::vector<std::string>& command, unsigned max_descriptors);
  void read_ports();
  void end(int signal);

  struct closer {
    void operator()(FILE* f) const { fclose(f); }
  };

  pid_t pid_ = 0;
  uint16_t port_ = 0, http_port_ = 0;
  std::unique_ptr<FILE, closer> log_;
  std::jthread drain_;  ///< so that the process is never held up by its log
};

/// The command of an fpnode that picks free ports.
std::vector<std::string> node_command(const std::filesystem::path& program, const std::filesystem::path& data,
                                      const std::vector<std::string>& flags = {});

}  // namespace fp::bench
