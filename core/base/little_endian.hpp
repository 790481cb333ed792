#pragma once

#include <bit>
#include <cstddef>
#include <cstring>
#include <span>

namespace fp {

static_assert(std::endian::native == std::endian::little, "on-disk integers are read as they lie");

/// The integer at an offset of an on-disk format.
template <class T>
T get(std::span<const std::byte> bytes, size_t offset) noexcept {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

/// Writes an integer at an offset of an on-disk format.
template <class T>
void put(std::span<std::byte> bytes, size_t offset, T value) noexcept {
  std::memcpy(bytes.data() + offset, &value, sizeof value);
}

}  // namespace fp
