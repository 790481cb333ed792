#include "app/fpctl/suggestion.hpp"

#include <algorithm>
#include <cstddef>

namespace fp::ctl {

namespace {

/// Optimal string alignment distance, in O(|a| |b|).
size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> d(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); i++) d[i][0] = i;
  for (size_t j = 0; j <= b.size(); j++) d[0][j] = j;
  for (size_t i = 1; i <= a.size(); i++) {
    for (size_t j = 1; j <= b.size(); j++) {
      const bool same = a[i - 1] == b[j - 1];
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + (same ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
      }
    }
  }
  return d[a.size()][b.size()];
}

}  // namespace

std::string nearest_word(std::string_view written, const std::vector<std::string>& known) {
  constexpr size_t longest = 64;
  if (written.size() > longest) return {};
  std::string nearest, only_beginning;
  size_t best = std::max<size_t>(1, written.size() / 3) + 1, beginnings = 0;
  for (const auto& word : known) {
    if (const auto d = distance(written, word); d < best && d < word.size()) {
      best = d;
      nearest = word;
    }
    if (written.size() > 1 && word.starts_with(written)) {
      beginnings++;
      only_beginning = word;
    }
  }
  return nearest.empty() && beginnings == 1 ? only_beginning : nearest;
}

}  // namespace fp::ctl
