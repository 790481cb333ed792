#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/core/support/commits.hpp"
#include "tests/core/support/driven_node.hpp"
#include "tests/core/support/naive_index.hpp"
#include "tests/core/support/volatile_file_system.hpp"

namespace fp::test {

/// What the clients of a node know of its indexes: all that was acknowledged, and what failed in a way that leaves
/// open whether it was done.
class ledger {
 public:
  /// Nothing: there is no such index.
  using state = std::optional<naive_index>;

  /// The one state of an index, from an acknowledged operation.
  void know(const std::string& name, state s) { states_[name] = {std::move(s)}; }
  /// Another state that an index may be in.
  void suspect(const std::string& name, state s) { possible(name).push_back(std::move(s)); }
  /// The states an index may be in, the last acknowledged one first.
  std::vector<state>& possible(const std::string& name) {
    auto& states = states_[name];
    if (states.empty()) states.emplace_back();
    return states;
  }
  const std::map<std::string, std::vector<state>>& all() const { return states_; }

 private:
  std::map<std::string, std::vector<state>> states_;
};

/// How an index differs from the model; empty when it does not.
std::string difference(const driven_node::index& found, const naive_index& expected);

/// Starts a node from what is on a disk and compares all that it serves with the ledger; then writes, checkpoints
/// and starts again. What is wrong; empty when nothing is.
std::string examine(const volatile_file_system& disk, const ledger& known);

/// The scripted history that faults are injected into: creates, updates that rotate the log, checkpoints, merges,
/// deletes, a restored backup, clean and unclean restarts, two indexes beside each other.
class history {
 public:
  /// `only_trusted`: an index whose delete failed is not written to any more until the next start.
  explicit history(file_system& fs, bool only_trusted = false) : fs_(fs), only_trusted_(only_trusted) {}
  ~history();

  static size_t num_steps();
  static const std::string& name_of(size_t step);
  /// Runs a step. False when it failed, as it may when something was injected; `reason` says how.
  bool run(size_t step);
  const std::string& reason() const { return reason_; }

  /// What is wrong between memory and ledger; empty when nothing is.
  std::string examine_memory();
  /// What may have happened by now, also when a step is only half done.
  const ledger& known() const { return known_; }
  /// Drops everything in memory, as the end of the process does.
  void kill();

 private:
  friend struct history_steps;

  driven_node& node();
  bool is_usable(const std::string& name);
  void settle(const std::string& name);
  void create(const std::string& name);
  void erase(const std::string& name);
  void update(const std::string& name, size_t num_commits = 1);
  void checkpoint(const std::string& name);
  void merge_files(const std::string& name, size_t first, size_t count);
  void merge_memory(const std::string& name);
  void copy(const std::string& from, const std::string& to);
  void restart(bool clean);

  file_system& fs_;
  bool only_trusted_;
  random_data data_{7};
  ledger known_;
  std::set<std::string> distrusted_;
  std::unique_ptr<driven_node> node_;
  std::string reason_;
};

}  // namespace fp::test
