#pragma once

#include <optional>

#include "core/base/error.hpp"
#include "core/commit/changes.hpp"

namespace fp {

/// Changes that whoever decoded them has validated, so that the index that they are for need not: what is wrong
/// with them travels along, and is told when it is their turn.
class checked_changes {
 public:
  /// Validates them. Keeps what `validate_changes` throws.
  checked_changes(std::vector<uint8_t> bytes, const changes_limits& limits);
  /// The same for changes that somebody else holds, too.
  checked_changes(changes_ptr bytes, const changes_limits& limits);

  /// Throws what is wrong with them.
  void require_valid() const {
    if (problem_) throw *problem_;
  }
  const changes_ptr& bytes() const noexcept { return bytes_; }
  size_t size() const noexcept { return bytes_->size(); }

 private:
  changes_ptr bytes_;
  std::optional<error> problem_;
};

}  // namespace fp
