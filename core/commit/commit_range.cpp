#include "core/commit/commit_range.hpp"

namespace fp {

namespace {

std::string place(commit_id commit, uint32_t part) {
  const std::string number = std::to_string(commit);
  return part == 0 ? number : "part " + std::to_string(part) + " of " + number;
}

}  // namespace

std::string to_string(const commit_range& range) {
  std::string text = std::to_string(range.first);
  if (range.first_part > 0) text += " (behind part " + std::to_string(range.first_part) + ")";
  text += " to " + std::to_string(range.last);
  if (range.last_part > 0) text += " (part " + std::to_string(range.last_part) + ")";
  return text;
}

std::string begin_of(const commit_range& range) {
  return place(range.first_part == 0 ? range.previous : range.first, range.first_part);
}

std::string end_of(const commit_range& range) { return place(range.last, range.last_part); }

}  // namespace fp
