#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace fp {

/// Merges ascending keys, of which `a` and `b` are between 0 and the largest number: `a[-1]` and `b[-1]` are the
/// one, and what is behind the last key of each is the other. There is room for all at `out`.
///
/// Whatever the order of the keys, nothing is read further from them than half as many places as there are keys.
void merge_two(std::span<const uint64_t> a, std::span<const uint64_t> b, uint64_t* out) noexcept;

}  // namespace fp
