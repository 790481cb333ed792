#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/commit/changes.hpp"
#include "tests/core/support/naive_index.hpp"

namespace fp::test {

/// What the clients of a node know of its indexes: what was acknowledged, and what may have become of all the rest
/// that they asked for.
class ledger {
 public:
  /// Nothing: there is no such index.
  using state = std::optional<naive_index>;

  /// `next_version` follows a version.
  explicit ledger(std::function<commit_id(commit_id)> next_version) : next_version_(std::move(next_version)) {}

  /// The one state of an index.
  void know(const std::string& name, state s);
  /// Another state that an index may be in as well, from now on or later.
  void suspect(const std::string& name, state s);
  /// The index is there, whatever it holds.
  void rule_out_absence(const std::string& name);

  /// An update is on its way to an index, behind those that were sent before. Answers with its number.
  uint64_t sent(const std::string& name, changes_ptr changes);
  /// It is commit `version` now. What contradicts that; empty when nothing does.
  std::string acknowledged(const std::string& name, uint64_t update, commit_id version);
  /// It has not happened, and never will.
  void refused(const std::string& name, uint64_t update);
  /// It has failed, and may have happened all the same, until `know` tells.
  void left_open(const std::string& name, uint64_t update);

  /// What was acknowledged last.
  const state& last_known(const std::string& name) const;
  /// The states that an index may be in: the last known one, then that with each number of the updates that were
  /// sent since, then others.
  const std::vector<state>& possible(const std::string& name) const;
  /// Whether something that has failed may have happened.
  bool is_in_doubt(const std::string& name) const;
  std::vector<std::string> names() const;

 private:
  struct update {
    uint64_t number = 0;
    changes_ptr changes;
    bool is_open = false;
  };
  struct entry {
    state known;
    std::deque<update> sent;
    std::vector<state> others;
    mutable std::vector<state> possible;  ///< empty: to be found out
  };

  entry& changed(const std::string& name);
  void apply(naive_index& to, const update& u) const;

  std::function<commit_id(commit_id)> next_version_;
  std::map<std::string, entry> entries_;
  uint64_t num_sent_ = 0;
};

}  // namespace fp::test
