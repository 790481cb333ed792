#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace fp::fpindex {

/// CRC-64/XZ of some bytes (ECMA-182 reflected, initial value and final exclusive or of all ones; of "123456789" it
/// is 0x995dc9bbdf1939fa), going on from that of the bytes before them.
uint64_t crc64_xz(std::span<const std::byte> bytes, uint64_t before = 0) noexcept;

}  // namespace fp::fpindex
