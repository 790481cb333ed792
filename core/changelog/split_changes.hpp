#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/commit/changes.hpp"

namespace fp {

/// Encoded changes one by one, for changelogs that give each its own position.
struct split_changes {
  std::vector<std::span<const uint8_t>> pieces;       ///< views into what was split
  std::vector<std::optional<document_id>> documents;  ///< of each, which it inserts or deletes

  /// Throws `bad_request` as `changes_reader`.
  void add(std::span<const uint8_t> encoded);
};

}  // namespace fp
