#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "core/fs/file_system.hpp"

namespace fp::ctl {

/// A file that appears under its name when it is complete and durable, and not at all otherwise. It is written
/// under a temporary name (`<name>.tmp`), which goes with the object, and when a signal (SIGINT, SIGTERM, SIGHUP)
/// ends the program. One object at a time.
class output_file {
 public:
  /// Throws `io_error` when the file exists and may not be replaced, or when it cannot be written.
  output_file(std::string name, bool may_replace);
  ~output_file();
  output_file(const output_file&) = delete;
  output_file& operator=(const output_file&) = delete;

  void write(std::span<const std::byte> bytes);
  /// Gives the file its name. Throws `io_error` or `no_space`.
  void finish();

 private:
  void refuse_existing() const;

  path name_, temporary_;
  bool may_replace_;
  std::unique_ptr<writable_file> file_;
  uint64_t num_written_ = 0;
};

}  // namespace fp::ctl
