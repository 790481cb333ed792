#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/slices/slice.hpp"

namespace fp {

/// A member, by its address, and what it holds of an index.
struct slice_holder {
  std::string who;
  slice part;
  bool serves = false;  ///< it answers searches
};

/// What a member is to hold from then on.
struct slice_change {
  std::string who;
  slice part;

  friend bool operator==(const slice_change&, const slice_change&) = default;
};

/// What to do, one after the other, so that the replicas of a slice hold its halves instead, as many the one as the
/// other, and that somebody serves all of it at any time: a change is made when the one before it is served.
/// `more`: members that are to hold a half, too. Halves that are served already, as after a split that broke off,
/// count. Throws `bad_request` where nobody serves the slice, or one member alone would have to hold both halves.
std::vector<slice_change> plan_split(std::span<const slice_holder> members, const slice& part,
                                     std::span<const std::string> more);

}  // namespace fp
