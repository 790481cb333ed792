#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace fp {

/// Finds the lines in what a client sends, the same ones in whatever pieces it comes. Lines end with LF or CR LF.
class line_framer {
 public:
  /// `max_line_bytes` of a line without its end.
  explicit line_framer(size_t max_line_bytes) : max_line_bytes_(max_line_bytes) {}

  void feed(std::string_view bytes);
  /// The next whole line, without its end; valid until the next call. Nothing behind a line that is too long.
  std::optional<std::string_view> next();
  /// What `next` could not give is a line that is too long, whether it has come to its end or not.
  bool is_too_long() const noexcept { return too_long_; }
  /// What has not been given.
  size_t waiting_bytes() const noexcept { return input_.size() - taken_; }
  /// Forgets what is waiting.
  void clear();

 private:
  void drop_taken();

  const size_t max_line_bytes_;
  std::string input_;
  size_t taken_ = 0;    ///< bytes at the start of `input_` that are done with
  size_t scanned_ = 0;  ///< bytes behind which a line end has to be looked for
  bool too_long_ = false;
};

}  // namespace fp
