#include "core/slices/slice_answers.hpp"

#include <algorithm>

#include "core/search/top_results.hpp"

namespace fp {

std::vector<search_result> merge_answers(std::span<const slice_answer> answers, uint32_t limit,
                                         uint32_t score_pct) {
  top_results best(limit, 1, score_pct);
  for (const auto& answer : answers) {
    for (const auto& result : answer.results) best.add(result);
  }
  return best.take();
}

std::optional<document_id> find_foreign(const slice_answer& answer, const slice& part) {
  const auto found = std::ranges::find_if(answer.results, [&](const auto& r) { return !part.contains(r.id); });
  if (found == answer.results.end()) return std::nullopt;
  return found->id;
}

}  // namespace fp
