#include "tests/core/support/volatile_file_system.hpp"

#include <gtest/gtest.h>

#include <span>
#include <string>
#include <string_view>

namespace fp {
namespace {

using test::power_failure;
using test::volatile_file_system;

TEST(VolatileFileSystem, KeepsOnlyWhatWasSynced) {
  const auto put = [](writable_file& file, std::string_view text) {
    file.write_at(file.size(), std::as_bytes(std::span(text)));
  };
  volatile_file_system fs;
  fs.create_directories("/d");
  {
    const auto file = fs.create("/d/a");
    put(*file, "one");
    file->sync();
    put(*file, "two");
    fs.sync_directory("/d");
    put(*fs.create("/d/b"), "three");
  }
  volatile_file_system lost(fs), kept(fs);
  lost.lose_power(power_failure::loses_all);
  EXPECT_EQ(read_file(lost, "/d/a"), "one");
  EXPECT_FALSE(lost.exists("/d/b"));
  kept.lose_power(power_failure::keeps_all);
  EXPECT_EQ(read_file(kept, "/d/a"), "onetwo");
  EXPECT_EQ(read_file(kept, "/d/b"), "three");

  // A sync after one that failed does not bring back what that one lost.
  fs.fail_sync("/d/a");
  {
    const auto file = fs.open_for_writing("/d/a");
    file->sync();
    fs.rename("/d/a", "/d/c");
    EXPECT_EQ(read_file(fs, "/d/c"), "onetwo");
  }
  fs.lose_power(power_failure::loses_all);
  EXPECT_EQ(read_file(fs, "/d/a"), std::string("one\0\0\0", 6));
  EXPECT_FALSE(fs.exists("/d/c"));
}

}  // namespace
}  // namespace fp
