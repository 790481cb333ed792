#include "core/merge/merge_room.hpp"

#include <gtest/gtest.h>

#include "tests/core/support/error_of.hpp"
#include "tests/core/support/temporary_folder.hpp"

namespace fp {
namespace {

constexpr uint64_t MiB = uint64_t{1} << 20;

TEST(merge_room, leaves_a_twentieth_of_a_small_disk) {
  const disk_space space{200 * MiB, 20 * MiB};
  EXPECT_NO_THROW(require_merge_room(space, 10 * MiB, 0));
  const auto refused = test::error_of([&] { require_merge_room(space, 10 * MiB + 1, 0); });
  EXPECT_EQ(refused.code(), errc::no_space);
  EXPECT_EQ(test::error_of([&] { require_merge_room(space, 10 * MiB, 1); }).code(), errc::no_space);
}

TEST(merge_room, leaves_no_more_than_256_mebibytes_of_a_large_disk) {
  const disk_space space{1'000'000 * MiB, 300 * MiB};
  EXPECT_NO_THROW(require_merge_room(space, 44 * MiB, 0));
  EXPECT_EQ(test::error_of([&] { require_merge_room(space, 44 * MiB + 1, 0); }).code(), errc::no_space);
  // What is kept alone is more than there is.
  EXPECT_EQ(test::error_of([&] { require_merge_room(space, 0, 300 * MiB); }).code(), errc::no_space);
  EXPECT_EQ(test::error_of([&] { require_merge_room(space, ~uint64_t{0}, 0); }).code(), errc::no_space);
}

TEST(merge_room, of_a_real_disk) {
  const test::temporary_folder folder;
  const auto space = space_of(folder.path());
  EXPECT_GT(space.total, 0u);
  EXPECT_LE(space.available, space.total);
  EXPECT_EQ(test::error_of([&] { space_of(folder.path() / "missing"); }).code(), errc::io_error);
}

}  // namespace
}  // namespace fp
