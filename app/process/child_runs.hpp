#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <string>

#include "app/process/child_process.hpp"

namespace fp {

/// Runs programs side by side, each for a bounded time, and collects what they print. One thread uses it. Those
/// that run still end with the object.
class child_runs {
 public:
  enum class outcome : uint8_t {
    exited,    ///< by itself, with `status`
    killed,    ///< by a signal
    late,      ///< ran for longer than its patience, and was ended
    too_much,  ///< printed more than is taken, and was ended
  };
  struct result {
    uint64_t key = 0;  ///< as it was started with
    outcome how = outcome::exited;
    int status = 0;
    std::string output;
    std::string messages;  ///< the beginning of its standard error, without the last line's end
  };

  /// `max_output_bytes`: that one of them may print.
  explicit child_runs(size_t max_output_bytes) : max_output_bytes_(max_output_bytes) {}

  /// Throws as `child_process`.
  void start(uint64_t key, const child_command& command, std::chrono::milliseconds patience);
  size_t running() const noexcept { return runs_.size(); }
  /// Waits for the next one that ends. To be called while one runs.
  result next();

 private:
  using clock = std::chrono::steady_clock;

  struct run {
    uint64_t key;
    std::unique_ptr<child_process> child;
    clock::time_point ends_at;
    std::string output;
    bool output_ended = false;
  };

  /// False when it prints too much.
  bool take_output(run& r);
  static result finish(run& r, outcome how);

  size_t max_output_bytes_;
  std::list<run> runs_;
};

}  // namespace fp
