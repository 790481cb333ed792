#include "core/fpindex/crc64_xz.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string_view>
#include <vector>

namespace fp::fpindex {
namespace {

uint64_t bit_by_bit(std::span<const std::byte> bytes) {
  uint64_t crc = ~uint64_t{0};
  for (const auto byte : bytes) {
    crc ^= std::to_integer<uint64_t>(byte);
    for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xc96c5795d7870f42 : 0);
  }
  return ~crc;
}

TEST(Crc64Xz, HasTheCheckValueOfItsName) {
  EXPECT_EQ(crc64_xz(std::as_bytes(std::span(std::string_view("123456789")))), 0x995dc9bbdf1939fa);
  EXPECT_EQ(crc64_xz({}), 0u);
}

TEST(Crc64Xz, GoesOnFromPieces) {
  std::mt19937_64 random(3);
  for (size_t size = 0; size < 200; size++) {
    std::vector<std::byte> bytes(size);
    for (auto& byte : bytes) byte = static_cast<std::byte>(random());
    const auto whole = crc64_xz(bytes);
    EXPECT_EQ(whole, bit_by_bit(bytes));
    const size_t cut = random() % (size + 1);
    EXPECT_EQ(crc64_xz(std::span(bytes).subspan(cut), crc64_xz(std::span(bytes).first(cut))), whole);
  }
}

}  // namespace
}  // namespace fp::fpindex
