#include "core/fs/write_probe.hpp"

#include <gtest/gtest.h>

#include "tests/core/support/error_of.hpp"
#include "tests/core/support/faulty_file_system.hpp"
#include "tests/core/support/temporary_folder.hpp"

namespace fp {
namespace {

using test::fs_operation;

TEST(write_probe, tells_what_fails_and_leaves_nothing) {
  test::temporary_folder folder;
  test::faulty_file_system fs(posix_file_system());
  probe_writing(fs, folder.path(), 100'000);
  EXPECT_TRUE(fs.list(folder.path()).empty());
  for (const auto failing : {fs_operation::create, fs_operation::write, fs_operation::sync}) {
    fs.fail(1, {.code = errc::no_space}, failing);
    EXPECT_EQ(test::error_of([&] { probe_writing(fs, folder.path(), 100'000); }).code(), errc::no_space);
    fs.heal();
    EXPECT_TRUE(fs.list(folder.path()).empty()) << static_cast<int>(failing);
  }
}

}  // namespace
}  // namespace fp
