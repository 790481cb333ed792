#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/commit/changes.hpp"
#include "core/slices/slice.hpp"

namespace fp {

/// What encoded changes do to the documents of a slice, and to metadata, which every slice has. Throws as
/// `changes_reader`.
std::vector<uint8_t> changes_of_slice(std::span<const uint8_t> encoded, const slice& part);

}  // namespace fp
