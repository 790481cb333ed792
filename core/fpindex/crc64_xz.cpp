#include "core/fpindex/crc64_xz.hpp"

#include <array>

#include "core/base/little_endian.hpp"

namespace fp::fpindex {

namespace {

constexpr uint64_t polynomial = 0xc96c5795d7870f42;
constexpr size_t slices = 8;

/// Tables for 8 bytes at a time (Kounavis and Berry, "A Systematic Approach to Building High Performance,
/// Software-based, CRC Generators", 2005).
constexpr auto tables = [] {
  std::array<std::array<uint64_t, 256>, slices> out{};
  for (uint64_t byte = 0; byte < 256; byte++) {
    uint64_t crc = byte;
    for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? polynomial : 0);
    out[0][byte] = crc;
  }
  for (size_t slice = 1; slice < slices; slice++) {
    for (size_t byte = 0; byte < 256; byte++) {
      const uint64_t crc = out[slice - 1][byte];
      out[slice][byte] = out[0][crc & 0xff] ^ crc >> 8;
    }
  }
  return out;
}();

}  // namespace

uint64_t crc64_xz(std::span<const std::byte> bytes, uint64_t before) noexcept {
  uint64_t crc = ~before;
  size_t at = 0;
  for (; bytes.size() - at >= slices; at += slices) {
    const uint64_t word = crc ^ get<uint64_t>(bytes, at);
    crc = 0;
    for (size_t i = 0; i < slices; i++) crc ^= tables[slices - 1 - i][word >> (8 * i) & 0xff];
  }
  for (; at < bytes.size(); at++) crc = tables[0][(crc ^ std::to_integer<uint64_t>(bytes[at])) & 0xff] ^ crc >> 8;
  return ~crc;
}

}  // namespace fp::fpindex
