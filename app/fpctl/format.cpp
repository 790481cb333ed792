#include "app/fpctl/format.hpp"

#include <algorithm>
#include <cstdio>
#include <limits>
#include <ostream>

#include "core/base/printable.hpp"

namespace fp::ctl {

namespace {

template <class... Ts>
std::string formatted(const char* format, Ts... values) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, format, values...);
  return buffer;
}

void pad(std::ostream& out, size_t n) { out << std::string(n, ' '); }

}  // namespace

std::string safe(std::string_view text) { return printable(text, std::numeric_limits<size_t>::max()); }

std::string grouped(uint64_t n) {
  auto digits = std::to_string(n);
  for (size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, ",");
  return digits;
}

std::string bytes_text(uint64_t n) {
  if (n < 1024) return std::to_string(n) + " B";
  static constexpr const char* units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(n) / 1024;
  size_t unit = 0;
  // What would be rounded up to 1024 of a unit is 1 of the next.
  while (value >= 1023.5) {
    value /= 1024;
    unit++;
  }
  return formatted(value < 9.95 ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

std::string duration_text(std::chrono::microseconds t) {
  const auto us = std::max<int64_t>(t.count(), 0);
  const double ms = static_cast<double>(us) / 1000;
  if (ms < 9.95) return formatted("%.1f ms", ms);
  if (ms < 999.5) return formatted("%.0f ms", ms);
  if (us < 59'950'000) return formatted("%.1f s", ms / 1000);
  const int64_t s = (us + 500'000) / 1'000'000;
  const auto clock = formatted("%d:%02d:%02d", static_cast<int>(s / 3600 % 24), static_cast<int>(s / 60 % 60),
                               static_cast<int>(s % 60));
  return s < 86'400 ? clock : std::to_string(s / 86'400) + " d " + clock;
}

std::string percent_text(uint64_t part, uint64_t whole) {
  if (whole == 0) return "-";
  const double percent = 100.0 * static_cast<double>(part) / static_cast<double>(whole);
  // Whoever reads 100.0 takes it for all.
  constexpr double most_of_a_part = 99.9;
  return formatted("%.1f %%", part < whole ? std::min(percent, most_of_a_part) : percent);
}

size_t text_width(std::string_view utf8) noexcept {
  return static_cast<size_t>(
      std::count_if(utf8.begin(), utf8.end(), [](char c) { return (static_cast<uint8_t>(c) & 0xc0) != 0x80; }));
}

void table::add(std::vector<std::string> cells) {
  cells.resize(columns_.size());
  for (auto& cell : cells) cell = safe(cell);
  rows_.push_back(std::move(cells));
}

void table::print(std::ostream& out) {
  for (size_t i = 0; i < columns_.size(); i++) {
    auto& width = columns_[i].min_width;
    width = std::max(width, text_width(columns_[i].title));
    for (const auto& row : rows_) width = std::max(width, text_width(row[i]));
  }
  if (!std::exchange(titles_out_, true)) {
    std::vector<std::string> titles;
    for (const auto& c : columns_) titles.push_back(c.title);
    print_row(out, titles);
  }
  for (const auto& row : rows_) print_row(out, row);
  rows_.clear();
}

void table::print_row(std::ostream& out, const std::vector<std::string>& cells) const {
  size_t owed = 0;  // spaces that are printed only when something follows them
  for (size_t i = 0; i < cells.size(); i++) {
    const size_t room = columns_[i].min_width - text_width(cells[i]);
    const bool right = columns_[i].side == align::right;
    if (right) owed += room;
    if (!cells[i].empty()) {
      pad(out, std::exchange(owed, 0));
      out << cells[i];
    }
    if (!right) owed += room;
    owed += 2;
  }
  out << '\n';
}

void print_fields(std::ostream& out, const std::vector<std::pair<std::string, std::string>>& fields) {
  size_t width = 0;
  for (const auto& [name, value] : fields) width = std::max(width, text_width(safe(name)));
  for (const auto& [name, value] : fields) {
    const auto shown = safe(name);
    out << shown;
    if (!value.empty()) {
      pad(out, width - text_width(shown) + 2);
      out << safe(value);
    }
    out << '\n';
  }
}

}  // namespace fp::ctl
