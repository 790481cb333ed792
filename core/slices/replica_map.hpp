#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/base/types.hpp"
#include "core/slices/slice.hpp"

namespace fp {

/// Names a member of a cluster within a process.
using member_number = uint32_t;

/// A member's replica of a part of an index.
struct slice_replica {
  member_number member = 0;
  slice part;
  commit_id version = 0;     ///< as the member said last
  bool serves = false;       ///< it answers searches
  bool is_draining = false;  ///< it is to be asked only what nobody else can answer

  friend bool operator==(const slice_replica&, const slice_replica&) = default;
};

/// A part of an index with those who hold exactly that.
struct slice_holders {
  slice part;
  std::vector<slice_replica> replicas;
};

/// Slices that hold every document once, as positions among a map's holders.
struct slice_tiling {
  std::vector<size_t> slices;   ///< that have somebody who may answer
  std::vector<size_t> missing;  ///< that have nobody
  std::string fault;            ///< why no slices that are known hold all documents; then the others are empty

  /// Whether somebody may answer for every document.
  bool is_whole() const noexcept { return fault.empty() && missing.empty(); }
};

/// Which replicas there are of the slices of an index, of different counts perhaps while one is split.
class replica_map {
 public:
  using predicate = std::function<bool(const slice_replica&)>;

  replica_map() = default;
  explicit replica_map(std::span<const slice_replica> replicas);

  /// In the slices' order.
  const std::vector<slice_holders>& holders() const noexcept { return holders_; }

  /// The tiling with the fewest missing slices, of those the one with the fewest slices that draining members alone
  /// answer for, and of those the one with the fewest slices.
  slice_tiling choose_tiling(const predicate& may_answer) const;
  /// Of the slices that hold a document one that somebody may answer for, preferably not draining members alone;
  /// else a missing one.
  slice_tiling choose_slice_of(document_id document, const predicate& may_answer) const;

 private:
  /// Holders whose slices begin at the same mixed id: positions, first and behind the last.
  struct run {
    size_t first = 0, end = 0;
  };

  std::vector<slice_holders> holders_;
  std::vector<run> behind_;  ///< of each holder, those that begin where it ends
};

}  // namespace fp
