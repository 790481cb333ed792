#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "core/base/types.hpp"
#include "core/search/document_run.hpp"
#include "core/search/stop_condition.hpp"

namespace fp {

/// Looks for documents in a long range of postings. Ids that are drawn, or that come in turn, lie about where their
/// share of the range's ids is: two guesses, the second one between the first and the farther end, and a look
/// around it take a fraction of the steps of a binary search. Others cost about twice as many steps. What one guess
/// reads is on its way from memory while others are made.
class document_lookup {
 public:
  /// In one posting or more.
  explicit document_lookup(const document_run& run) noexcept
      : run_(run), all_{run.first(), run.end() - 1, run.at(run.first()), run.at(run.end() - 1)} {}

  static constexpr size_t max_ids = 32;
  /// Bit i: whether the document `ids[i]` has one of the postings. At most `max_ids`. Throws as `stop` does.
  uint32_t find(std::span<const document_id> ids, stop_condition& stop) const;

 private:
  /// Postings that may have a document: the positions and documents of the first and the last one.
  struct bracket {
    uint64_t first, last;
    document_id smallest, largest;
  };
  struct guess {
    bracket in;
    uint64_t at;
  };

  /// Guesses where an id is that lies in the bracket.
  void make(guess& g, document_id id) const noexcept;
  /// Narrows the bracket by the posting that was guessed.
  void narrow(guess& g, document_id id) const noexcept;
  /// Whether the bracket, of which one end has been guessed, has the document.
  bool holds(const guess& g, document_id id, stop_condition& stop) const;

  const document_run run_;
  const bracket all_;
};

}  // namespace fp
