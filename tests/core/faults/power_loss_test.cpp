#include <gtest/gtest.h>

#include "tests/core/faults/history.hpp"
#include "tests/core/support/full_size.hpp"

namespace fp {
namespace {

using test::history;
using test::power_failure;
using test::volatile_file_system;

/// Ways to lose power at each point: all of the unsynced lost, all of it kept, and some drawn at random.
uint64_t num_ways() { return test::is_full_size() ? 40 : 4; }

/// Runs the history and calls `examine_point` before every change of the disk, also those in the middle of a step.
template <class F>
void at_every_change(F&& examine_point) {
  volatile_file_system disk;
  history h(disk);
  uint64_t point = 0;
  size_t step = 0;
  bool failed = false;
  disk.before_change = [&] {
    if (failed) return;
    const std::string wrong = examine_point(disk, h.known(), point++);
    failed = !wrong.empty();
    if (failed)
      ADD_FAILURE() << "before change " << point << ", in \"" << history::name_of(step) << "\": " << wrong;
  };
  for (; step < history::num_steps() && !failed; step++) ASSERT_TRUE(h.run(step)) << h.reason();
  disk.before_change = nullptr;
  EXPECT_GT(point, 300u);
}

TEST(PowerLoss, AtEveryChangeKeepsWhatWasAcknowledged) {
  at_every_change([](const volatile_file_system& disk, const test::ledger& known, uint64_t point) -> std::string {
    for (uint64_t way = 0; way < num_ways(); way++) {
      volatile_file_system after(disk);
      after.lose_power(power_failure(way < 2 ? way : point * 1000 + way));
      if (std::string wrong = test::examine(after, known); !wrong.empty()) {
        return "way " + std::to_string(way) + ": " + wrong;
      }
    }
    return {};
  });
}

/// What a killed process left in the page cache alone is nothing that the next one may build on.
TEST(PowerLoss, SoonAfterAKillAndARestart) {
  at_every_change([](const volatile_file_system& disk, const test::ledger& known, uint64_t point) -> std::string {
    volatile_file_system restarted(disk);
    test::ledger after;
    for (const auto& [name, states] : known.all()) after.know(name, std::nullopt);
    {
      test::driven_node node(restarted, "/node/data");
      for (const auto& [name, i] : node.indexes()) {
        const auto& states = known.all().at(name);
        const auto is_served = [&, &found = *i](const auto& s) { return s && test::difference(found, *s).empty(); };
        const auto served = std::find_if(states.begin(), states.end(), is_served);
        if (served == states.end()) return name + " is in none of its states after the restart";
        test::naive_index model = **served;
        const commit next = test::make_commit(model.version() + 1, {{88, {4, 5, 6}}});
        node.update(name, {next});
        model.apply(next);
        if (point % 2 == 0) node.checkpoint(name);
        after.know(name, std::move(model));
      }
    }
    for (uint64_t way = 0; way < num_ways(); way++) {
      volatile_file_system left(restarted);
      left.lose_power(power_failure(way < 2 ? way : point * 1000 + way));
      if (std::string wrong = test::examine(left, after); !wrong.empty()) {
        return "way " + std::to_string(way) + ": " + wrong;
      }
    }
    return {};
  });
}

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
