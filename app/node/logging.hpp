#pragma once

#include <spdlog/formatter.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "core/config/config.hpp"

namespace fp {

/// Formats one message as one line, whatever the message holds.
/// "text": time, level, message; control characters and bytes that are not UTF-8 are escaped, so that text from
/// clients cannot pass for a line of its own. "json": {"time":...,"level":...,"message":...} in ASCII; bytes that
/// are not UTF-8 become U+FFFD.
std::unique_ptr<spdlog::formatter> make_log_formatter(std::string_view log_format);

/// Appends lines to a file, each with one write. At `rotate_bytes` FILE becomes FILE.1, FILE.1 becomes FILE.2 and
/// so on, up to `rotate_files`. When a rotation fails, lines go on into the file that is open.
class log_file_sink : public spdlog::sinks::base_sink<std::mutex> {
 public:
  /// `rotate_bytes` 0: never by size. Throws `io_error` when the file cannot be opened.
  log_file_sink(std::string file, uint64_t rotate_bytes, uint32_t rotate_files);
  ~log_file_sink() override;

  /// Opens the file by its name again, for when somebody else has renamed it. Throws `io_error` and keeps the file
  /// that is open when that fails.
  void reopen();

 protected:
  void sink_it_(const spdlog::details::log_msg& msg) override;
  void flush_() override {}

 private:
  void open();
  void rotate();
  std::string rotated_name(uint32_t number) const { return file_ + "." + std::to_string(number); }

  const std::string file_;
  const uint64_t rotate_bytes_;
  const uint32_t rotate_files_;
  int fd_ = -1;
  bool regular_ = false, torn_ = false;
  uint64_t num_bytes_ = 0;
  uint64_t rotate_at_ = 0;
};

/// The log of a node. What ends the node goes to standard error, too, for whoever looks there.
class node_log {
 public:
  /// Throws `io_error` when the log file cannot be opened.
  explicit node_log(const config& settings);

  const std::shared_ptr<spdlog::logger>& logger() const noexcept { return logger_; }

  bool has_file() const noexcept { return file_ != nullptr; }
  /// One of `log_level`'s words.
  void set_level(const std::string& level);

  /// Opens the log file again. A failure is logged to the file that stays open.
  void reopen();

 private:
  std::shared_ptr<log_file_sink> file_;
  std::shared_ptr<spdlog::logger> logger_;
};

}  // namespace fp
