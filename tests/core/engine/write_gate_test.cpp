#include "core/engine/write_gate.hpp"

#include <gtest/gtest.h>

namespace fp {
namespace {

using std::chrono::seconds;

const error disk_full(errc::no_space, "the disk is full"), blocked(errc::read_only, "the log died"),
    stuck(errc::read_only, "memory is full");

std::string text(const write_gate& gate) { return gate.hindrance() == nullptr ? "" : gate.hindrance()->what(); }

class write_gate_test : public ::testing::Test {
 protected:
  write_gate gate;
  write_gate::time_point now{std::chrono::hours(1)};
};

TEST_F(write_gate_test, tells_what_weighs_most) {
  EXPECT_EQ(text(gate), "");
  gate.memory_is_full(stuck);
  EXPECT_EQ(text(gate), "memory is full");
  gate.log_failed(disk_full, now);
  EXPECT_EQ(text(gate), "the disk is full");
  EXPECT_FALSE(gate.block());
  gate.block(blocked);
  EXPECT_EQ(text(gate), "the log died");
  EXPECT_TRUE(gate.block());
  gate.log_worked();
  EXPECT_EQ(text(gate), "the log died");
  gate.loaded();
  EXPECT_EQ(text(gate), "");
  EXPECT_FALSE(gate.block());
}

TEST_F(write_gate_test, probes_a_log_that_failed_until_it_works) {
  EXPECT_FALSE(gate.probe_at());
  gate.log_failed(disk_full, now);
  ASSERT_EQ(gate.probe_at(), now + seconds(5));
  EXPECT_FALSE(gate.begin_probe(now, false)) << "too early";
  now += seconds(5);
  EXPECT_TRUE(gate.begin_probe(now, false));
  EXPECT_FALSE(gate.probe_at());
  EXPECT_FALSE(gate.begin_probe(now, false)) << "one at a time";
  EXPECT_FALSE(gate.probed(false, now, false));
  ASSERT_EQ(gate.probe_at(), now + seconds(5));
  now += seconds(5);
  EXPECT_TRUE(gate.begin_probe(now, false));
  EXPECT_TRUE(gate.probed(true, now, false));
  EXPECT_EQ(text(gate), "");
  EXPECT_FALSE(gate.probe_at());
}

TEST_F(write_gate_test, a_write_tells_more_than_a_probe) {
  gate.log_failed(disk_full, now);
  now += seconds(5);
  EXPECT_FALSE(gate.begin_probe(now, true)) << "the write will tell";
  gate.log_failed(disk_full, now);
  now += seconds(5);
  ASSERT_TRUE(gate.begin_probe(now, false));
  EXPECT_FALSE(gate.probed(true, now, true));
  EXPECT_EQ(text(gate), "the disk is full") << "a write is on its way, which may fail";
  gate.log_worked();
  EXPECT_EQ(text(gate), "");
}

TEST_F(write_gate_test, a_blocked_index_probes_nothing) {
  gate.log_failed(disk_full, now);
  gate.block(blocked);
  now += seconds(5);
  EXPECT_FALSE(gate.begin_probe(now, false));
  gate.log_failed(disk_full, now);
  EXPECT_FALSE(gate.probe_at());
}

}  // namespace
}  // namespace fp
