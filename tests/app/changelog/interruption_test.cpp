#include "app/changelog/interruption.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>

namespace fp {
namespace {

using std::chrono::steady_clock;

TEST(interruption, ends_a_wait_and_all_later_ones) {
  int pipe[2];
  ASSERT_EQ(::pipe(pipe), 0);
  const auto wait = [&](const interruption& i, steady_clock::time_point deadline) {
    return i.wait({{pipe[0], POLLIN, 0}}, deadline);
  };
  const auto in_a_minute = steady_clock::now() + std::chrono::minutes(1);
  interruption i;
  EXPECT_FALSE(i.is_raised());
  EXPECT_EQ(wait(i, steady_clock::now()), interruption::outcome::late);
  {
    const std::jthread raises([&] { i.raise(); });
    EXPECT_EQ(wait(i, in_a_minute), interruption::outcome::interrupted);
  }
  EXPECT_TRUE(i.is_raised());
  ASSERT_EQ(::write(pipe[1], "x", 1), 1);
  EXPECT_EQ(wait(i, in_a_minute), interruption::outcome::interrupted);
  const interruption other;
  EXPECT_EQ(wait(other, steady_clock::time_point::max()), interruption::outcome::ready);
  ::close(pipe[0]);
  ::close(pipe[1]);
}

}  // namespace
}  // namespace fp
