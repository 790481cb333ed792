#pragma once

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fp::ctl {

/// `text` with control characters and invalid UTF-8 escaped, so that it cannot steer a terminal.
std::string safe(std::string_view text);

/// 1234567 as "1,234,567".
std::string grouped(uint64_t n);
/// A size with a binary unit: "0 B", "1.5 KiB", "12 MiB".
std::string bytes_text(uint64_t n);
/// A duration for people: "0.4 ms", "12 ms", "3.2 s", "1:02:03", "3 d 4:05:06".
std::string duration_text(std::chrono::microseconds t);
/// `part` of `whole` with one decimal: "99.5 %"; "-" when there is no whole.
std::string percent_text(uint64_t part, uint64_t whole);

/// How many columns of a terminal UTF-8 text takes, a column a character.
size_t text_width(std::string_view utf8) noexcept;

enum class align : uint8_t { left, right };

struct column {
  std::string title;
  align side = align::left;
  size_t min_width = 0;
};

/// Rows in aligned columns, two spaces between them, no space at a line's end. Cells are made safe.
class table {
 public:
  explicit table(std::vector<column> columns) : columns_(std::move(columns)) {}

  /// As many cells as there are columns.
  void add(std::vector<std::string> cells);
  bool empty() const noexcept { return rows_.empty(); }
  /// Prints the titles, unless they are out already, and the rows so far, which it forgets. Later rows keep the
  /// widths of earlier ones at least.
  void print(std::ostream& out);

 private:
  void print_row(std::ostream& out, const std::vector<std::string>& cells) const;

  std::vector<column> columns_;
  std::vector<std::vector<std::string>> rows_;
  bool titles_out_ = false;
};

/// Prints "name   value" lines with aligned values. Values are made safe.
void print_fields(std::ostream& out, const std::vector<std::pair<std::string, std::string>>& fields);

}  // namespace fp::ctl
