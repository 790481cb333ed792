#include "core/slices/slice_split.hpp"

#include <algorithm>

#include "core/base/error.hpp"

namespace fp {

std::vector<slice_change> plan_split(std::span<const slice_holder> members, const slice& part,
                                     std::span<const std::string> more) {
  const auto [first, second] = part.halves();
  const auto count = [&](const slice& wanted) {
    return std::ranges::count_if(members, [&](const slice_holder& m) { return m.serves && m.part == wanted; });
  };
  auto of_first = count(first), of_second = count(second);
  // Those that hold nothing of it begin: until the last of the others changes, it is served as a whole.
  std::vector<std::string> changing;
  for (const auto& who : more) {
    const bool holds_it = std::ranges::any_of(members, [&](const slice_holder& m) {
      return m.who == who && ((m.part == part && m.serves) || m.part == first || m.part == second);
    });
    if (!holds_it) changing.push_back(who);
  }
  for (const auto& m : members) {
    if (m.serves && m.part == part) changing.push_back(m.who);
  }
  if (count(part) == 0 && (of_first == 0 || of_second == 0)) {
    throw error(errc::bad_request, "no member that answers holds slice " + part.text());
  }
  std::vector<slice_change> out;
  for (const auto& who : changing) {
    const bool is_first = of_first <= of_second;
    (is_first ? of_first : of_second)++;
    out.push_back({who, is_first ? first : second});
  }
  if (of_first == 0 || of_second == 0) {
    throw error(errc::bad_request, "slice " + part.text() + " has one replica, and its halves need a member each");
  }
  return out;
}

}  // namespace fp
