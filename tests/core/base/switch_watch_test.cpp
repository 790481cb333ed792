#include "core/base/switch_watch.hpp"

#include <gtest/gtest.h>

#include "tests/core/support/lose_processor.hpp"

namespace fp {
namespace {

TEST(SwitchWatch, SeesThatTheThreadHasWaited) {
  switch_watch watch;
  if (!watch.works()) GTEST_SKIP() << "no restartable sequences here";
  for (int i = 0; i < 100; i++) {
    watch.restart();
    test::lose_processor();
    EXPECT_TRUE(watch.has_switched());
    EXPECT_TRUE(watch.has_switched()) << "until it is restarted";
  }
}

TEST(SwitchWatch, SeesNothingWhileTheThreadRuns) {
  switch_watch watch;
  // Others may take the processor at any time, but not each time.
  int quiet = 0;
  for (int i = 0; i < 1000; i++) {
    watch.restart();
    if (!watch.has_switched()) quiet++;
  }
  EXPECT_GT(quiet, 0);
  watch.assume_switched();
  EXPECT_TRUE(watch.has_switched());
}

}  // namespace
}  // namespace fp
