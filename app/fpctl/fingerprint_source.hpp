#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/base/checksum.hpp"
#include "core/base/error.hpp"
#include "core/text/fingerprint_text.hpp"
#include "core/text/gzip_reader.hpp"

namespace fp::ctl {

/// What is wrong with one line of input; reading may go on behind it.
class line_error : public error {
 public:
  using error::error;
};

/// Reads the fingerprints of several files, one file after the other, in any form that `fingerprint_reader` knows.
class fingerprint_source {
 public:
  /// "-" is standard input. A pipe may be silent for as long as the patience.
  explicit fingerprint_source(std::vector<std::string> files,
                              std::chrono::milliseconds patience = input_descriptor::default_patience);

  /// The next fingerprint; nothing at the end. Throws `line_error` ("FILE:LINE: reason"), and `error` when the file
  /// itself cannot be read.
  std::optional<text_fingerprint> next();
  /// Passes over lines without looking into them; false when there are fewer.
  bool skip_lines(uint64_t n);

  /// "FILE:LINE" of the line that was read last.
  std::string where() const;
  /// Lines read so far, of all files, and a checksum of them.
  uint64_t lines() const noexcept { return lines_; }
  uint64_t digest() const noexcept { return digest_.digest(); }

  /// Progress over all files, in bytes as they lie in them; no total when one of them is no plain file.
  uint64_t bytes_read() const noexcept;
  std::optional<uint64_t> bytes_total() const noexcept { return bytes_total_; }

 private:
  bool read_line(std::string_view& line);
  /// The same within the file that is open.
  bool read_line_of_file(std::string_view& line);
  bool open_next_file();
  /// Calls what feeds the reader; what it throws is thrown as `line_error`.
  template <class Feed>
  auto named(Feed&& feed);

  std::vector<std::string> files_;
  std::chrono::milliseconds patience_;
  size_t next_file_ = 0;
  std::optional<line_reader> input_;
  fingerprint_reader reader_;
  std::optional<std::string> line_again_;  ///< that the reader wants once more
  uint64_t lines_ = 0;
  checksum_stream digest_;
  uint64_t bytes_before_ = 0;  ///< of the files that are done
  std::optional<uint64_t> bytes_total_;
};

}  // namespace fp::ctl
