#include "app/line/line_framer.hpp"

#include <algorithm>

namespace fp {

namespace {

// A long line's memory is not kept.
constexpr size_t max_kept_bytes = 64u << 10;

}  // namespace

void line_framer::feed(std::string_view bytes) {
  drop_taken();
  input_.append(bytes);
}

std::optional<std::string_view> line_framer::next() {
  drop_taken();
  if (too_long_) return std::nullopt;
  const auto end = input_.find('\n', std::max(taken_, scanned_));
  if (end == std::string::npos) {
    scanned_ = input_.size();
    // What is there may end with the CR of the line's end.
    too_long_ = waiting_bytes() > max_line_bytes_ + 1;
    return std::nullopt;
  }
  std::string_view line(input_.data() + taken_, end - taken_);
  if (line.ends_with('\r')) line.remove_suffix(1);
  too_long_ = line.size() > max_line_bytes_;
  if (too_long_) return std::nullopt;
  taken_ = end + 1;
  return line;
}

void line_framer::clear() {
  taken_ = input_.size();
  drop_taken();
}

void line_framer::drop_taken() {
  // Moving what is left is paid for by what goes.
  if (taken_ < waiting_bytes()) return;
  input_.erase(0, taken_);
  scanned_ -= std::min(scanned_, taken_);
  taken_ = 0;
  if (input_.empty() && input_.capacity() > max_kept_bytes) std::string().swap(input_);
}

}  // namespace fp
