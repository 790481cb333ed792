#pragma once

#include <filesystem>

namespace fp {

/// The right to bring a library and an index together, for as long as the object lives: one process at a time has
/// it, so that what one sends to the index is not older than what another has sent. The library itself may be read
/// and written by others. The system takes the right back when the process ends, however it ends.
class library_lock {
 public:
  /// Throws `io_error` when another process has it, with that process's number.
  explicit library_lock(const std::filesystem::path& library);
  ~library_lock();
  library_lock(const library_lock&) = delete;
  library_lock& operator=(const library_lock&) = delete;

 private:
  int fd_;
};

}  // namespace fp
