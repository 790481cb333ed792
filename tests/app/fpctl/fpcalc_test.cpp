#include "app/fpctl/fpcalc.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "core/base/error.hpp"
#include "tests/app/support/process_ends.hpp"
#include "tests/core/support/error_of.hpp"
#include "tests/core/support/temporary_folder.hpp"

namespace fp::ctl {
namespace {

using std::chrono::milliseconds;
using test::error_of;
using test::process_ends;
using testing::HasSubstr;

constexpr milliseconds time_allowed = std::chrono::minutes(5);

/// A script in place of fpcalc.
class fpcalc_test : public testing::Test {
 protected:
  fpcalc_test() : former_path_(std::getenv("PATH")) {
    ::setenv("PATH", (folder.path().string() + ":" + former_path_).c_str(), 1);
  }
  ~fpcalc_test() override { ::setenv("PATH", former_path_.c_str(), 1); }

  void be(const std::string& script) const {
    const auto file = folder / "fpcalc";
    std::ofstream(file) << "#!/bin/sh\n" << script << '\n';
    std::filesystem::permissions(file, std::filesystem::perms::owner_all);
  }
  std::string file(const std::string& name) const { return (folder / name).string(); }

  test::temporary_folder folder;

 private:
  std::string former_path_;
};

TEST_F(fpcalc_test, reads_what_it_prints) {
  be(R"(echo "FILE=$4"; echo DURATION=1; echo FINGERPRINT=1,2,-1)");
  const auto heard = run_fpcalc("a.wav", 7, time_allowed);
  EXPECT_EQ(heard.hashes, (std::vector<hash_value>{1, 2, 4'294'967'295}));
  EXPECT_EQ(heard.label, "a.wav");
  be("echo no such thing >&2; exit 2");
  const auto e = error_of([&] { run_fpcalc("a.wav", 7, time_allowed); });
  EXPECT_EQ(e.code(), errc::io_error);
  EXPECT_THAT(e.what(), HasSubstr("(exit status 2): no such thing"));
  be("kill -9 $$");
  EXPECT_THAT(error_of([&] { run_fpcalc("a.wav", 7, time_allowed); }).what(), HasSubstr("was killed over"));
}

TEST_F(fpcalc_test, is_ended_at_the_deadline_with_all_that_it_started) {
  be("echo $$ >" + file("parent") + "; sleep 1000 & echo $! >" + file("child") + "; wait");
  const auto e = error_of([&] { run_fpcalc("a.wav", 7, milliseconds(1'500)); });
  EXPECT_EQ(e.code(), errc::request_timeout);
  EXPECT_THAT(e.what(), HasSubstr("fpcalc took longer than 1500 ms over \"a.wav\""));
  EXPECT_TRUE(process_ends(file("parent")));
  EXPECT_TRUE(process_ends(file("child")));
}

TEST_F(fpcalc_test, is_ended_when_it_goes_on_after_its_output) {
  be("echo $$ >" + file("parent") + "; echo FINGERPRINT=1; exec sleep 1000 >/dev/null");
  EXPECT_EQ(error_of([&] { run_fpcalc("a.wav", 7, milliseconds(1'500)); }).code(), errc::request_timeout);
  EXPECT_TRUE(process_ends(file("parent")));
}

TEST_F(fpcalc_test, is_ended_when_its_file_is_a_pipe_that_nobody_writes_to) {
  ASSERT_EQ(::mkfifo(file("pipe").c_str(), 0600), 0);
  be("exec cat \"$5\"");
  EXPECT_EQ(error_of([&] { run_fpcalc(file("pipe"), 7, milliseconds(50)); }).code(), errc::request_timeout);
}

}  // namespace
}  // namespace fp::ctl
