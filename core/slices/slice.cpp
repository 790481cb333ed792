#include "core/slices/slice.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <vector>

#include "core/base/error.hpp"

namespace fp {

namespace {

std::optional<uint32_t> number_in(std::string_view text) {
  uint32_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

std::string ids_text(uint64_t first, uint64_t last) {
  return std::to_string(first) + " to " + std::to_string(last);
}

}  // namespace

slice::slice(uint32_t number, uint32_t count) : number_(number), count_(count) {
  if (count < 1 || count > max_count || number < 1 || number > count) {
    throw error(errc::bad_request, "slice " + std::to_string(number) + "/" + std::to_string(count) +
                                       ": found no slice, allowed is 1/1 to " + std::to_string(max_count) + "/" +
                                       std::to_string(max_count));
  }
}

slice slice::parse(std::string_view text) {
  const auto bar = text.find('/');
  if (bar != std::string_view::npos) {
    const auto number = number_in(text.substr(0, bar)), count = number_in(text.substr(bar + 1));
    if (number && count) return slice(*number, *count);
  }
  throw error(errc::bad_request, "slice: found \"" + std::string(text) + "\", allowed is NUMBER/COUNT, as in 2/4");
}

std::pair<slice, slice> slice::halves() const {
  return {slice(number_ * 2 - 1, count_ * 2), slice(number_ * 2, count_ * 2)};
}

std::string slice::text() const { return std::to_string(number_) + "/" + std::to_string(count_); }

std::string tiling_fault(std::span<const slice> slices) {
  std::vector<slice> sorted(slices.begin(), slices.end());
  std::sort(sorted.begin(), sorted.end());
  uint64_t covered = 0;  // mixed ids below
  const slice* before = nullptr;
  for (const auto& one : sorted) {
    if (before != nullptr && *before == one) continue;
    if (one.first() > covered) return "no slice holds the mixed ids " + ids_text(covered, one.first() - 1);
    if (one.first() < covered) return before->text() + " and " + one.text() + " overlap";
    covered = uint64_t{one.last()} + 1;
    before = &one;
  }
  if (covered <= UINT32_MAX) return "no slice holds the mixed ids " + ids_text(covered, UINT32_MAX);
  return {};
}

}  // namespace fp
