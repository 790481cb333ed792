#include <gtest/gtest.h>

#include <algorithm>

#include "tests/actors/faults/history.hpp"
#include "tests/core/support/full_size.hpp"
#include "tests/core/support/index_difference.hpp"

namespace fp {
namespace {

using test::acting_node;
using test::history;
using test::power_failure;
using test::volatile_file_system;

/// Ways to lose power at each point: all of the unsynced lost, all of it kept, and some drawn at random.
uint64_t num_ways() { return test::is_full_size() ? 40 : 3; }

/// Runs histories and calls `examine_point` before every change of the disk, also those in the middle of a step.
template <class F>
void at_every_change(F&& examine_point) {
  const uint64_t num_seeds = test::is_full_size() ? 2 : 1, stride = test::is_full_size() ? 1 : 3;
  for (uint64_t seed = 0; seed < num_seeds; seed++) {
    const uint64_t turns = test::is_full_size() ? seed : 1;
    SCOPED_TRACE("seed " + std::to_string(turns));
    volatile_file_system disk;
    history h(disk, turns);
    uint64_t point = 0;
    size_t step = 0;
    bool failed = false;
    disk.before_change = [&] {
      if (failed || point++ % stride != 0) return;
      const std::string wrong = examine_point(disk, h.known(), point);
      failed = !wrong.empty();
      if (failed)
        ADD_FAILURE() << "before change " << point << ", in \"" << history::name_of(step) << "\": " << wrong;
    };
    for (; step < history::num_steps() && !failed; step++) ASSERT_TRUE(h.run(step)) << h.reason();
    disk.before_change = nullptr;
    EXPECT_GT(point, 500u);
  }
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
    test::ledger after = test::empty_ledger();
    for (const auto& name : known.names()) after.know(name, std::nullopt);
    {
      acting_node node(restarted, test::history_root, test::history_options(point % 4));
      for (const auto& [name, i] : node.indexes()) {
        const auto& states = known.possible(name);
        const auto is_served = [&, &found = i](const auto& s) {
          return s && found.current && test::difference(*found.current, *s).empty();
        };
        const auto served = std::find_if(states.begin(), states.end(), is_served);
        if (served == states.end()) return name + " is in none of its states after the restart";
        test::naive_index model = **served;
        const commit_id version = model.version();
        const commit next = test::make_commit_behind(version, test::jump_behind(version), {{88, {4, 5, 6}}});
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

}  // namespace
}  // namespace fp
