#include "core/base/partition_point.hpp"

#include <gtest/gtest.h>

namespace fp {
namespace {

TEST(partition_point, is_the_first_position_that_is_not_below) {
  for (uint64_t first : {0, 1, 7}) {
    for (uint64_t length = 0; length <= 40; length++) {
      for (uint64_t boundary = first; boundary <= first + length; boundary++) {
        const auto below = [&](uint64_t position) {
          EXPECT_TRUE(first <= position && position < first + length) << position;
          return position < boundary;
        };
        ASSERT_EQ(partition_point(first, first + length, below), boundary) << first << " " << length;
      }
    }
  }
}

}  // namespace
}  // namespace fp
