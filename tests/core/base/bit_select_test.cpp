#include "core/base/bit_select.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <random>

#include "tests/core/support/bit_instructions.hpp"
namespace fp {
namespace {

TEST(bit_select, finds_every_one_of_every_kind_of_word) {
  test::with_and_without_bit_instructions([] {
    std::mt19937_64 random(1);
    for (int round = 0; round < 20'000; round++) {
      uint64_t word = random();
      switch (round % 5) {
        case 0:
          word &= random() & random();  // few ones
          break;
        case 1:
          word |= random() | random();  // many
          break;
        case 2:
          word = uint64_t{1} << random() % 64;
          break;
        case 3:
          word = ~uint64_t{0} << random() % 64;
          break;
        default:
          break;
      }
      ASSERT_EQ(count_ones(word), static_cast<uint32_t>(std::popcount(word))) << word;
      const bit_ranks ranks(word);
      ASSERT_EQ(ranks.count(), count_ones(word));
      uint32_t rank = 0;
      for (uint32_t place = 0; place < 64; place++) {
        if ((word >> place & 1) == 0) continue;
        ASSERT_EQ(ranks.place_of(rank++), place) << word;
      }
    }
    EXPECT_EQ(count_ones(0), 0u);
    EXPECT_EQ(count_ones(~uint64_t{0}), 64u);
  });
}

}  // namespace
}  // namespace fp
