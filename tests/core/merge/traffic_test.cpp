#include <gtest/gtest.h>

#include "tests/core/support/full_size.hpp"
#include "tests/core/support/simulated_traffic.hpp"

namespace fp {
namespace {

TEST(Traffic, DaysOfItWriteABoundedNumberOfTimesAndStoreLittleThatIsDead) {
  test::traffic_options options;
  options.scale = test::is_full_size() ? 200 : 2000;
  for (const uint32_t days : {1u, 12u}) {
    options.days = days;
    const auto outcome = test::simulate_traffic(options);
    SCOPED_TRACE(days);
    // A day rewrites 2 %, so that the large segments are rewritten from the second week on.
    EXPECT_LE(outcome.write_amplification, days == 1 ? 16 : 30);
    EXPECT_GE(outcome.write_amplification, 2);
    EXPECT_LE(outcome.largest_space, 1.3);
    EXPECT_LE(outcome.space_at_rest, 1.25);
    EXPECT_LE(outcome.segments, 12);
    EXPECT_LE(outcome.segments_at_rest, 8u);
  }
}

}  // namespace
}  // namespace fp
