#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/slices/slice.hpp"

namespace fp {

/// A member, by its address, and what it holds of an index.
struct slice_holder {
  std::string who;
  slice part;
  bool serves = false;       ///< it answers searches
  bool is_draining = false;  ///< it is about to be stopped
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

/// What to do, one after the other, so that the members that serve hold the `count` slices of an index, as many the
/// one as the other. Who holds one of them keeps it, so that what broke off is gone on with; the others are dealt,
/// in their order, to the slices with the fewest replicas. Those of draining members count for little, and only a
/// slice that has nobody else is given to a draining member, or to one that shares another of the slices. Where the
/// index `is_written` to, somebody must hold one of the slices, and somebody serves all of it after each change.
/// Throws `bad_request` where there are fewer members than slices, `index_already_exists` where what is written
/// lies in other slices.
std::vector<slice_change> plan_slices(std::span<const slice_holder> members, uint32_t count, bool is_written);

}  // namespace fp
