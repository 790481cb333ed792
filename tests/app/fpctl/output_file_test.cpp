#include "app/fpctl/output_file.hpp"

#include <gmock/gmock.h>

#include <csignal>

#include "tests/core/support/error_of.hpp"
#include "tests/core/support/temporary_folder.hpp"

namespace fp::ctl {
namespace {

using test::error_of;
using testing::HasSubstr;
using strings = std::vector<std::string>;

class output_file_test : public testing::Test {
 protected:
  static std::span<const std::byte> as_bytes(std::string_view text) { return std::as_bytes(std::span(text)); }
  strings files() const { return posix_file_system().list(folder_.path()); }
  std::string name() const { return (folder_ / "file").string(); }

  test::temporary_folder folder_;
};

TEST_F(output_file_test, appears_when_it_is_complete) {
  output_file file(name(), false);
  file.write(as_bytes("ab"));
  file.write(as_bytes("c"));
  EXPECT_EQ(files(), strings{"file.tmp"});
  file.finish();
  EXPECT_EQ(files(), strings{"file"});
  EXPECT_EQ(read_file(posix_file_system(), name()), "abc");
}

TEST_F(output_file_test, goes_when_it_is_not_completed) {
  { output_file(name(), false).write(as_bytes("abc")); }
  EXPECT_EQ(files(), strings{});
}

TEST_F(output_file_test, replaces_a_file_when_it_may) {
  replace_file(posix_file_system(), name(), "before");
  const auto refused = error_of([&] { output_file(name(), false); });
  EXPECT_EQ(refused.code(), errc::io_error);
  EXPECT_THAT(refused.what(), HasSubstr("--force"));
  { output_file(name(), true).write(as_bytes("x")); }
  EXPECT_EQ(read_file(posix_file_system(), name()), "before");
  {
    output_file file(name(), true);
    file.write(as_bytes("after"));
    file.finish();
  }
  EXPECT_EQ(read_file(posix_file_system(), name()), "after");
  EXPECT_EQ(files(), strings{"file"});
}

/// Somebody else made the file meanwhile.
TEST_F(output_file_test, looks_again_at_the_end) {
  output_file file(name(), false);
  replace_file(posix_file_system(), name(), "theirs");
  EXPECT_EQ(error_of([&] { file.finish(); }).code(), errc::io_error);
  EXPECT_EQ(read_file(posix_file_system(), name()), "theirs");
}

TEST_F(output_file_test, needs_a_folder) {
  EXPECT_EQ(error_of([&] { output_file((folder_ / "no" / "file").string(), false); }).code(), errc::io_error);
}

TEST_F(output_file_test, goes_when_a_signal_ends_the_program) {
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    EXPECT_EXIT(
        {
          output_file file(name(), false);
          file.write(as_bytes("abc"));
          ::raise(number);
        },
        testing::KilledBySignal(number), "");
    EXPECT_EQ(files(), strings{}) << number;
  }
}

}  // namespace
}  // namespace fp::ctl
