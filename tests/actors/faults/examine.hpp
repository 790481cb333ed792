#pragma once

#include <string>
#include <vector>

#include "tests/actors/faults/ledger.hpp"
#include "tests/actors/support/acting_node.hpp"
#include "tests/core/support/volatile_file_system.hpp"

namespace fp::test {

/// Where the nodes of a history have their data.
inline const path history_root = "/node/data";

/// Nodes of a history: small files, so that upkeep has much to do; versions jump.
acting_options history_options(uint64_t seed);
inline ledger empty_ledger() { return ledger(jump_behind); }

/// The state of those that an index is in, or null.
const ledger::state* find_state(const std::vector<ledger::state>& states, const snapshot_ptr& served);
/// How an index, or none (null), differs from all the states that it may be in; empty when it is in one of them.
std::string differences(const std::vector<ledger::state>& states, const acting_node::index* found);

/// Starts a node from what is on a disk and compares all that it serves, and what it leaves in its folders, with
/// the ledger; then writes, checkpoints and starts again. What is wrong; empty when nothing is.
std::string examine(const volatile_file_system& disk, const ledger& known);

}  // namespace fp::test
