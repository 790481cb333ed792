#pragma once

#include <cstddef>
#include <span>

#include "core/base/types.hpp"

namespace fp {

/// The last change to one document of some commits.
struct document_change {
  document_id id = 0;
  bool deleted = false;
  commit_id commit = 0;
  std::span<const std::byte> hash_bytes;  ///< as in `change_view`
};

}  // namespace fp
