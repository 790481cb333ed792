#include "core/base/bit_packing.hpp"

#include <gtest/gtest.h>
#include <algorithm>

#include <random>
#include <vector>

namespace fp {
namespace {

TEST(BitPacking, EveryWidthReadsBackWhatWasPut) {
  std::mt19937_64 random(1);
  for (unsigned width = 0; width <= 56; width++) {
    const uint64_t mask = (uint64_t{1} << width) - 1;
    for (const size_t count : {size_t{0}, size_t{1}, size_t{7}, size_t{64}, size_t{1001}}) {
      std::vector<uint64_t> values(count);
      for (auto& v : values) v = random() % 3 == 0 ? mask : random() & mask;
      std::vector<std::byte> bytes(packed_bytes(count, width) + 8, std::byte{0xa5});
      bit_packer packer(bytes.data(), width);
      for (const uint64_t v : values) packer.put(v);
      EXPECT_EQ(packer.end(), bytes.data() + packed_bytes(count, width)) << width;
      const packed_array array(bytes.data(), width);
      for (size_t i = 0; i < count; i++) ASSERT_EQ(array[i], values[i]) << "width " << width << ", value " << i;
      for (size_t i = 0; i + 1 < count && 2 * width <= packed_array::bits_of_word; i++) {
        ASSERT_EQ(array.word_at(i) & mask, values[i]) << "width " << width << ", value " << i;
        ASSERT_EQ(array.word_at(i) >> width & mask, values[i + 1]) << "width " << width << ", value " << i;
      }
    }
  }
}

TEST(BitPacking, TwoAtOnceAreTheSameAsOneByOne) {
  std::mt19937_64 random(3);
  for (unsigned width = 0; width <= 28; width++) {
    const uint64_t mask = (uint64_t{1} << width) - 1;
    std::vector<std::byte> one(packed_bytes(200, width) + 8), two(one);
    bit_packer singles(one.data(), width), pairs(two.data(), width);
    ASSERT_TRUE(pairs.takes_two());
    for (size_t i = 0; i < 100; i++) {
      const uint64_t a = random() & mask, b = random() & mask;
      singles.put(a);
      singles.put(b);
      pairs.put_two(a, b);
      ASSERT_EQ(pairs.end() - two.data(), singles.end() - one.data());
    }
    EXPECT_EQ(one, two) << width;
  }
  EXPECT_FALSE(bit_packer(nullptr, 29).takes_two());
}

TEST(BitPacking, GoesOnWithTheBitsOfAnother) {
  std::mt19937_64 random(4);
  for (size_t round = 0; round < 300; round++) {
    const auto width = static_cast<unsigned>(random() % 57);
    const uint64_t mask = (uint64_t{1} << width) - 1;
    std::vector<std::byte> one(packed_bytes(400, width) + 8), pieces(one);
    bit_packer single(one.data(), width), joined(pieces.data(), width);
    for (size_t left = random() % 400; left > 0;) {
      const size_t count = std::min<size_t>(left, random() % 50);
      std::vector<std::byte> piece(packed_bytes(count, width) + 8, std::byte{0x5a});
      bit_packer packer(piece.data(), width);
      for (size_t i = 0; i < count; i++) {
        const uint64_t value = random() & mask;
        single.put(value);
        packer.put(value);
      }
      joined.put_bits(piece.data(), count * width);
      left -= count;
    }
    ASSERT_EQ(joined.end() - pieces.data(), single.end() - one.data());
    ASSERT_TRUE(std::equal(one.data(), single.end(), pieces.data())) << width;
  }
}

TEST(BitPacking, TwoHalvesReadBackAsOneWideValue) {
  std::mt19937_64 random(2);
  std::vector<uint64_t> values(100);
  for (auto& v : values) v = random();
  std::vector<std::byte> bytes(packed_bytes(values.size(), 64) + 8);
  bit_packer packer(bytes.data(), 32);
  for (const uint64_t v : values) {
    packer.put(static_cast<uint32_t>(v));
    packer.put(v >> 32);
  }
  const packed_array array(bytes.data(), 64);
  for (size_t i = 0; i < values.size(); i++) EXPECT_EQ(array[i], values[i]);
}

TEST(BitPacking, PackerGoesOnElsewhereWithinAByte) {
  std::vector<std::byte> first(64), second(64);
  bit_packer packer(first.data(), 3);
  for (uint64_t i = 0; i < 5; i++) packer.put(i);  // 15 bits: one whole byte, 7 bits pending
  ASSERT_EQ(packer.position(), first.data() + 1);
  packer.move_to(second.data());
  for (uint64_t i = 5; i < 8; i++) packer.put(i);
  std::vector<std::byte> joined(64);
  joined[0] = first[0];
  std::copy(second.begin(), second.end() - 1, joined.begin() + 1);
  const packed_array array(joined.data(), 3);
  for (uint64_t i = 0; i < 8; i++) EXPECT_EQ(array[i], i);
}

TEST(BitPacking, BitsFor) {
  EXPECT_EQ(bits_for(0), 0u);
  EXPECT_EQ(bits_for(1), 1u);
  EXPECT_EQ(bits_for(255), 8u);
  EXPECT_EQ(bits_for(256), 9u);
  EXPECT_EQ(bits_for(UINT32_MAX), 32u);
}

}  // namespace
}  // namespace fp
