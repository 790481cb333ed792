#include "core/commit/commit_order.hpp"

#include <gtest/gtest.h>

namespace fp {
namespace {

TEST(commit_order, a_local_one_counts) {
  const auto order = make_local_order();
  EXPECT_EQ(order->next(0), 1u);
  EXPECT_EQ(order->next(41), 42u);
  EXPECT_EQ(order->next(max_commit_id - 1), max_commit_id);
  EXPECT_FALSE(order->next(max_commit_id)) << "none can follow";
}

}  // namespace
}  // namespace fp
