#pragma once

#include "core/base/types.hpp"
#include "core/search/posting_range.hpp"
#include "core/search/score_table.hpp"

namespace fp {

/// What ranges are counted with.
template <class Range>
struct counting;
template <>
struct counting<posting_range> {
  using table = score_table;
  static constexpr bool once_a_unit = false;  ///< whether a document may be in several ranges that count once
  static document_id hit(document_id id, const posting_range&) noexcept { return id; }
};
template <>
struct counting<near_range> {
  using table = near_score_table;
  static constexpr bool once_a_unit = true;
  static near_slot::hit hit(document_id id, const near_range& range) noexcept { return {id, range.query}; }
};

}  // namespace fp
