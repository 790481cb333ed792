#pragma once

#include <compare>
#include <cstdint>
#include <string>

#include "core/base/types.hpp"

namespace fp {

/// Where in an index's history a segment begins; no other one of the index begins there, and their order is the
/// segments'.
struct segment_start {
  commit_id first_commit = 0;
  uint32_t first_part = 0;

  friend auto operator<=>(const segment_start&, const segment_start&) = default;
};

/// Which commits a segment holds: those with changes in it are `first` to `last`, and it speaks for all ids behind
/// `previous` up to `last`. Ids ascend and may jump, so that what is missing between two segments shows in
/// `previous` alone.
///
/// A commit that is too large for one segment (a bulk load puts all of an index at one version) lies in several, in
/// parts 1, 2, 3, ...: neighbours, none of which holds anything of another commit on the side where it is cut.
/// Merging joins them like any others.
struct commit_range {
  commit_id previous = 0;  ///< the commit before the first one; 0 when there is none
  commit_id first = 0, last = 0;
  uint32_t first_part = 0;  ///< of the first commit, how many parts are in older segments
  uint32_t last_part = 0;   ///< of the last commit, how many parts are in here and in older ones; 0: all of it

  segment_start start() const noexcept { return {first, first_part}; }
  /// Whether the last commit is complete with it.
  bool ends_whole() const noexcept { return last_part == 0; }

  /// Whether there can be such a segment. Version 0 is before all commits, but a bulk load may be what it consists
  /// of.
  bool is_possible() const noexcept {
    const bool ascends = previous < first || (previous == 0 && first == 0);
    const bool has_parts = first < last || ends_whole() || last_part > first_part;
    return ascends && first <= last && last <= max_commit_id && has_parts;
  }
  /// Whether it begins where an older segment ends. Both must be possible.
  bool goes_on(const commit_range& older) const noexcept {
    if (!older.ends_whole()) return first == older.last && first_part == older.last_part;
    return first_part == 0 && previous == older.last && first > older.last;
  }

  friend bool operator==(const commit_range&, const commit_range&) = default;
};

/// What neighbours from `oldest` to `newest` hold together.
constexpr commit_range joined(const commit_range& oldest, const commit_range& newest) noexcept {
  return {oldest.previous, oldest.first, newest.last, oldest.first_part, newest.last_part};
}

/// "3 to 7", or where commits are cut "3 (behind part 2) to 7 (part 4)".
std::string to_string(const commit_range& range);

/// What a segment begins behind, for messages: "5", or "part 2 of 6".
std::string begin_of(const commit_range& range);
/// What it ends with, likewise.
std::string end_of(const commit_range& range);

}  // namespace fp
