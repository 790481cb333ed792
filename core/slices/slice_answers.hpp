#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/base/types.hpp"
#include "core/slices/slice.hpp"

namespace fp {

/// What one slice has found.
struct slice_answer {
  std::vector<search_result> results;  ///< its best ones, with the limit and thresholds of the whole search
  commit_id version = 0;
};

/// The best of all slices: what one index with all documents would find. Each slice drops by its own best score no
/// result that stays in the end, as the best score of all is no lower. At most `limit` results, each with
/// `score_pct` percent of the best score or more: score descending, then id ascending.
std::vector<search_result> merge_answers(std::span<const slice_answer> answers, uint32_t limit, uint32_t score_pct);

/// A result that a slice cannot hold.
std::optional<document_id> find_foreign(const slice_answer& answer, const slice& part);

}  // namespace fp
