#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace fp {

/// What people hand to the command-line client: a file, a pipe, a device, or standard input. Nothing of the index's
/// storage: hence it does not go through `file_system`.
class input_descriptor {
 public:
  using milliseconds = std::chrono::milliseconds;
  static constexpr milliseconds default_patience = std::chrono::minutes(10);

  /// Opens a file, or standard input for "-". A pipe that nobody writes to yet is opened, too. Throws `io_error`.
  explicit input_descriptor(const std::string& name, milliseconds patience = default_patience);
  ~input_descriptor();
  input_descriptor(const input_descriptor&) = delete;
  input_descriptor& operator=(const input_descriptor&) = delete;

  /// Reads up to `out.size()` bytes and returns the count; 0 only at the end. Throws `io_error`, and
  /// `request_timeout` when nothing comes for as long as the patience.
  size_t read(std::span<std::byte> out);

  /// For messages: printable.
  const std::string& name() const noexcept { return name_; }
  uint64_t bytes_read() const noexcept { return read_; }
  /// Of a plain file.
  std::optional<uint64_t> bytes_total() const noexcept { return total_; }

 private:
  void await();

  std::string name_;
  milliseconds patience_;
  int fd_ = -1;
  uint64_t read_ = 0;
  std::optional<uint64_t> total_;
};

}  // namespace fp
