#include "app/process/child_runs.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <map>

#include "tests/app/support/process_ends.hpp"
#include "tests/core/support/error_of.hpp"
#include "tests/core/support/temporary_folder.hpp"

namespace fp {
namespace {

using std::chrono::milliseconds;
using test::process_ends;
using testing::HasSubstr;
using outcome = child_runs::outcome;

constexpr milliseconds ample_time = std::chrono::minutes(5);

child_command shell(const std::string& script) { return {"sh", {"-c", script}, ""}; }

/// Starts children that sleep, one after the other, each once the one before is there.
class sleepers {
 public:
  sleepers() {
    EXPECT_EQ(::mkfifo(started().c_str(), 0600), 0);
    // Open for writing as well, so that there is no end of file between one child's line and the next one's.
    lines_ = ::open(started().c_str(), O_RDWR | O_CLOEXEC);
  }
  ~sleepers() { ::close(lines_); }
  sleepers(const sleepers&) = delete;
  sleepers& operator=(const sleepers&) = delete;

  /// False when the child does not say that it is there.
  bool start(child_runs& runs, const std::string& name) const {
    runs.start(
        0, shell("echo $$ >" + number_of(name).string() + "; echo >" + started().string() + "; exec sleep 1000"),
        ample_time);
    char line = 0;
    return ::read(lines_, &line, 1) == 1;
  }
  /// The file with the child's number.
  path number_of(const std::string& name) const { return folder_ / name; }

 private:
  path started() const { return folder_ / "started"; }

  test::temporary_folder folder_;
  int lines_ = -1;
};

TEST(child_runs_test, collects_what_several_print) {
  child_runs runs(1'000'000);
  for (uint64_t key = 0; key < 20; key++) {
    runs.start(key, shell("echo " + std::to_string(key) + "; echo said >&2; exit " + std::to_string(key)),
               ample_time);
  }
  std::map<uint64_t, child_runs::result> done;
  while (runs.running() > 0) {
    auto one = runs.next();
    done[one.key] = std::move(one);
  }
  ASSERT_EQ(done.size(), 20u);
  for (const auto& [key, one] : done) {
    EXPECT_EQ(one.how, outcome::exited);
    EXPECT_EQ(one.status, static_cast<int>(key));
    EXPECT_EQ(one.output, std::to_string(key) + "\n");
    EXPECT_EQ(one.messages, "said");
  }
}

TEST(child_runs_test, tells_how_each_one_ended) {
  test::temporary_folder folder;
  child_runs runs(100'000);
  runs.start(1, shell("kill -9 $$"), ample_time);
  runs.start(2, shell("exec yes"), ample_time);
  runs.start(3,
             shell("echo $$ >" + (folder / "late").string() + "; sleep 1000 & echo $! >" +
                   (folder / "child").string() + "; wait"),
             milliseconds(1'500));
  runs.start(4, shell("head -c 100000 /dev/zero"), ample_time);
  std::map<uint64_t, outcome> how;
  while (runs.running() > 0) {
    const auto one = runs.next();
    how[one.key] = one.how;
  }
  EXPECT_EQ(how, (std::map<uint64_t, outcome>{
                     {1, outcome::killed}, {2, outcome::too_much}, {3, outcome::late}, {4, outcome::exited}}));
  EXPECT_TRUE(process_ends(folder / "late"));
  EXPECT_TRUE(process_ends(folder / "child"));
}

TEST(child_runs_test, ends_all_with_itself) {
  const sleepers all;
  {
    child_runs runs(100);
    for (const auto* name : {"a", "b"}) EXPECT_TRUE(all.start(runs, name));
  }
  EXPECT_TRUE(process_ends(all.number_of("a")));
  EXPECT_TRUE(process_ends(all.number_of("b")));
}

TEST(child_runs_test, ends_all_when_a_signal_ends_the_program) {
  const sleepers all;
  const pid_t program = ::fork();
  if (program == 0) {
    child_runs runs(100);
    for (const auto* name : {"a", "b", "c"}) {
      if (!all.start(runs, name)) ::_exit(8);
    }
    ::raise(SIGTERM);
    ::_exit(7);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(program, &status, 0), program);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
  for (const auto* name : {"a", "b", "c"}) EXPECT_TRUE(process_ends(all.number_of(name))) << name;
}

TEST(child_runs_test, says_what_is_missing) {
  child_runs runs(100);
  const auto e = test::error_of([&] { runs.start(0, {"no-such-program-here", {}, "some-package"}, ample_time); });
  EXPECT_EQ(e.code(), errc::io_error);
  EXPECT_THAT(e.what(), HasSubstr("no-such-program-here is not installed (Debian: apt-get install some-package)"));
  EXPECT_EQ(runs.running(), 0u);
  EXPECT_FALSE(has_program("no-such-program-here"));
  EXPECT_TRUE(has_program("sh"));
  // A failed start takes no place from others.
  for (size_t i = 0; i <= child_process::max_children; i++) {
    test::error_of([&] { runs.start(0, {"no-such-program-here", {}, ""}, ample_time); });
  }
  runs.start(1, shell("exit 3"), ample_time);
  EXPECT_EQ(runs.next().status, 3);
}

}  // namespace
}  // namespace fp
