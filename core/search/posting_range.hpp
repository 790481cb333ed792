#pragma once

#include <cstdint>

namespace fp {

/// Postings of one hash in one segment.
struct posting_range {
  uint32_t segment, first, count;
};

/// Postings of one hash in one segment, near a hash of a query. The ranges of one query hash in one segment are
/// counted as one set: each of their documents once.
struct near_range : posting_range {
  uint32_t query;  ///< number of the query hash

  bool belongs_with(const near_range& other) const noexcept {
    return query == other.query && segment == other.segment;
  }
};

}  // namespace fp
