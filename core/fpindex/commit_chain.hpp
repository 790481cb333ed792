#pragma once

#include <cstdint>
#include <string>

#include "core/commit/commit_range.hpp"

namespace fp::fpindex {

/// Gives what fpindex holds, oldest first, its place among our commits. Ours have the numbers that fpindex's
/// clients know as versions: those of the commits themselves, or positions of an upstream's feed, which may jump
/// and repeat. What repeats a version becomes a further part of its commit.
class commit_chain {
 public:
  /// The newest version so far.
  commit_id version() const noexcept { return last_.last; }

  /// Of what ends at a version; its first commit, where that is known, or the same. `is_whole`: nothing more of
  /// that version follows. Throws `corrupt_data`, beginning with `place`, when the version is older than the
  /// newest.
  commit_range take(uint64_t first, uint64_t version, bool is_whole, const std::string& place);

 private:
  commit_range last_;
};

}  // namespace fp::fpindex
