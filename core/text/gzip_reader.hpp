#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/text/input_descriptor.hpp"

namespace fp {

/// Reads a text file or standard input line by line, gzip (RFC 1952, several members in a row too) decompressed
/// on the way; whether it is gzip is told from its first two bytes.
class line_reader {
 public:
  static constexpr size_t default_max_line_bytes = size_t{64} << 20;

  /// As `input_descriptor`, which says what is thrown.
  static line_reader open(const std::string& name, size_t max_line_bytes = default_max_line_bytes,
                          std::chrono::milliseconds patience = input_descriptor::default_patience);

  line_reader(line_reader&&) noexcept;
  line_reader& operator=(line_reader&&) noexcept;
  ~line_reader();

  /// The next line without its line end (\n or \r\n); valid until the next call. False at the end; what stands
  /// behind the last line end is a line too. Throws `io_error`, `request_timeout`, `corrupt_data` (gzip that is
  /// damaged or cut off; lines before the damage have been returned) or `payload_too_large` (a line above the
  /// bound).
  bool next(std::string_view& line);

  /// Bytes of the file read so far, as they lie in it (compressed), and how many there are, where that is known.
  /// For progress: reading runs ahead of `next` by up to a buffer.
  uint64_t bytes_read() const noexcept;
  std::optional<uint64_t> bytes_total() const noexcept;

 private:
  class source;

  line_reader(std::unique_ptr<source> from, size_t max_line_bytes);
  bool fill();

  std::unique_ptr<source> source_;
  size_t max_line_bytes_;
  uint64_t lines_ = 0;
  std::unique_ptr<char[]> buffer_;
  size_t capacity_ = 0;
  size_t begin_ = 0;  ///< of what has not been returned yet
  size_t end_ = 0;    ///< of what has been read
};

}  // namespace fp
